import { koffi, lazy } from './koffi.ts'

const libsystemd = lazy(() => {
  const library = koffi().load('libsystemd.so.0')
  return { notify: library.func('int sd_notify(int unset_environment, const char *state)') }
})

/** Tells the service manager that started this process something: sd_notify(3). Throws where libsystemd is missing. */
export function notifyServiceManager(state: string): void {
  libsystemd().notify(0, state)
}
