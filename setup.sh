#!/bin/sh
# Installs the packages of the system and of npm that this checkout needs, and builds the agent. Does nothing that is done already.
# A word adds what a command needs besides: `demo` the demo node; `test`, `stack` and `browser` that and what their tests run; `machines` QEMU.
set -eu
cd "$(dirname "$0")"
case ${1-} in demo | test | test:package | stack | browser) with_demo_node=yes ;; *) with_demo_node= ;; esac
case ${1-} in test | stack | browser) with_tests=yes ;; *) with_tests= ;; esac
say() { printf '%s\n' "$*" >&2; }

# 1. What the system has to bring.
any() { for f; do [ -e "$f" ] && return; done; return 1; }
missing() {
  command -v clang >/dev/null || echo clang
  command -v llvm-strip >/dev/null || echo llvm
  any /usr/include/bpf/bpf_helpers.h || echo libbpf-dev
  any /usr/include/stdio.h || echo libc6-dev
  [ -z "$with_demo_node" ] || any /usr/include/sys/sdt.h /usr/include/*/sys/sdt.h || echo systemtap-sdt-dev
  [ -z "$with_tests" ] || command -v openssl >/dev/null || echo openssl
  [ -z "$with_tests" ] || any /sbin/setcap /usr/sbin/setcap || echo libcap2-bin
  [ "${1-}" != browser ] || any /usr/bin/chromium-headless-shell /usr/bin/chromium || echo chromium-headless-shell
  [ "${1-}" != machines ] || missing_for_machines
  [ "${1-}" != test ] || command -v bpftrace >/dev/null || echo bpftrace
  case ${1-} in package | test:package | machines)
    command -v dpkg-deb >/dev/null || echo dpkg
    command -v xz >/dev/null || echo xz-utils
  esac
  [ "${1-}" != test:package ] || missing_for_test_of_packages
  [ "${1-}" != stack ] || any /lib/systemd/systemd-journal-remote || echo systemd-journal-remote
}
missing_for_test_of_packages() {
  for program in buildah debootstrap fish lintian zsh; do command -v $program >/dev/null || echo $program; done
  command -v man >/dev/null || echo man-db
  command -v readelf >/dev/null || echo binutils
  command -v systemd-analyze >/dev/null || echo systemd
}
missing_for_machines() {
  command -v qemu-system-x86_64 >/dev/null || echo qemu-system-x86
  command -v qemu-system-aarch64 >/dev/null || echo qemu-system-arm
  command -v ld.lld >/dev/null || echo lld
  command -v cpio >/dev/null || echo cpio
  command -v debootstrap >/dev/null || echo debootstrap
  any /usr/share/keyrings/debian-archive-keyring.gpg || echo debian-archive-keyring
}
need=$(missing "$@" | tr '\n' ' ')
if [ -n "$need" ]; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    say "Installing from the distribution (about a minute): $need"
    # shellcheck disable=SC2086
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $need; } >&2 </dev/null
  else
    say "Missing: $need"
    say "On Debian or Ubuntu install it with:  sudo apt-get install -y --no-install-recommends $need"
    say "Elsewhere: clang, llvm-strip and the headers of libbpf (1.1 or newer) and libc; for the demo node SystemTap's sys/sdt.h."
    exit 1
  fi
fi

# 2. npm packages, and the Node.js that packages bring. A copy of the lock files of the last complete installation lies beside them.
runtime=agent/packaging/runtime
if ! cat package-lock.json $runtime/package-lock.json | cmp -s - node_modules/.setup-lock.json; then
  say 'Installing npm packages (about 20 s, 450 MB the first time) ...'
  npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2 </dev/null
  mkdir -p node_modules/.runtime
  cp $runtime/package.json $runtime/package-lock.json node_modules/.runtime/
  (cd node_modules/.runtime && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2 </dev/null)
  for node in node_modules/.runtime/node_modules/node-linux-*/bin/node; do ln -sf "../${node#node_modules/}" node_modules/.bin/node; done
  cat package-lock.json $runtime/package-lock.json >node_modules/.setup-lock.json
fi

# 3. Build.
PATH="$PWD/node_modules/.bin:$PATH"
if [ ! -e dist/.built ] || [ -n "$(find setup.sh agent bpf package.json package-lock.json tsconfig.json -newer dist/.built -print -quit)" ]; then
  say 'Building ...'
  mkdir -p dist
  clang -O2 -g -Wall -Werror -Wframe-larger-than=48 -target bpf -mcpu=v3 -I"/usr/include/$(uname -m)-linux-gnu" -c bpf/usdt.bpf.c -o dist/usdt.bpf.o || {
    say 'If a stack frame is too large: a function of the kernel program may use 48 bytes of stack. Since Linux 6.13 one with 64 bytes or more'
    say "has its stack not for each thread but for each CPU, and hits that are preempted or sleep get each other's arguments."
    exit 1
  }
  llvm-strip -g dist/usdt.bpf.o
  text() { node -p 'JSON.stringify(require("node:fs").readFileSync(process.argv[1], "utf8"))' "$1"; }
  client_js=$(text agent/page/client.js)
  client_css=$(text agent/page/client.css)
  esbuild agent/http/access/bcrypt/thread.ts --bundle --minify --platform=node --format=cjs --target=node22.15 \
    --outfile=dist/bcrypt-thread.cjs --metafile=dist/bcrypt-thread.json --log-level=warning
  bcrypt_thread=$(text dist/bcrypt-thread.cjs)
  # One expression, a function: V8 keeps the source, and a second copy of it if something were put around it later.
  # Under `node dist/main.cjs` there is a module, and it is called at once.
  esbuild agent/main.ts --bundle --platform=node --format=cjs --target=node22.15 --external:koffi --supported:dynamic-import=false \
    --banner:js='(run => (typeof module === "object" && run(exports, require, module, __filename, __dirname), run))((function (exports, require, module, __filename, __dirname) {' --footer:js='}))' \
    --define:import.meta.dirname=__dirname --define:globalThis.CLIENT_JS="$client_js" --define:globalThis.CLIENT_CSS="$client_css" \
    --define:globalThis.BCRYPT_THREAD="$bcrypt_thread" \
    --sourcemap --outfile=dist/main.cjs --metafile=dist/main.json --log-level=warning
  # What the thread has of packages is part of the bundle.
  inputs='([to, from]) => ({ ...to, inputs: { ...from.inputs, ...to.inputs } })'
  node -e "const fs = require('node:fs'); const read = f => JSON.parse(fs.readFileSync(f)); fs.writeFileSync('dist/main.json', JSON.stringify(($inputs)(['dist/main.json', 'dist/bcrypt-thread.json'].map(read))))"
  rm dist/bcrypt-thread.cjs dist/bcrypt-thread.json
  # Nothing but ASCII: V8 reads that in half the time.
  ascii='s => s.replace(/[^\x00-\x7f]/g, c => "\\u" + c.charCodeAt().toString(16).padStart(4, "0"))'
  node -e "const fs = require('node:fs'); fs.writeFileSync('dist/main.cjs', ($ascii)(fs.readFileSync('dist/main.cjs', 'utf8')))"
  # A replay of nothing loads all of the agent and ends at once, with a fault.
  node $(sed -n '1s/.* node //p' agent/packaging/launcher.cjs) agent/packaging/code-cache.cjs "$PWD/dist/main.cjs" replay /dev/null >/dev/null 2>&1 || :
  { cat agent/packaging/launcher.cjs && node agent/packaging/licences.ts dist/main.json; } >dist/agent.cjs
  chmod +x dist/agent.cjs
  touch dist/.built
fi
if [ -n "$with_demo_node" ] && { [ ! -e dist/demo-node ] || [ -n "$(find setup.sh test/demo-node -type f ! -name '*.ts' -newer dist/demo-node -print -quit)" ]; }; then
  say 'Building the demo node ...'
  clang -O2 -g -Wall -Wextra -Werror -pthread test/demo-node/demo-node.c -o dist/demo-node.new -lm
  mv dist/demo-node.new dist/demo-node # by rename: a running one is left alone
fi
