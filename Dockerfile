# The agent in a container. compose.yaml shows how to run it: it takes the host's pid namespace, CAP_BPF and CAP_PERFMON, and the user that bitcoind runs as.
ARG NODE_IMAGE=node:24.21.0-bookworm-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /src
COPY .npmrc package.json package-lock.json tsconfig.json setup.sh ./
COPY agent agent
COPY bpf bpf
RUN sh setup.sh

FROM ${NODE_IMAGE}
# Docker gives capabilities to root alone (moby/moby#8460); to another user they come with the executable, as far as the container has them.
# Without both of them in the container, `--cap-add BPF --cap-add PERFMON`, the kernel refuses to start it: "operation not permitted".
RUN apt-get update \
 && apt-get install -y --no-install-recommends libbpf1 libcap2-bin \
 && setcap cap_bpf,cap_perfmon=ep /usr/local/bin/node \
 && apt-get purge -y --auto-remove libcap2-bin \
 && rm -rf /var/lib/apt/lists/*
COPY --from=build /src/dist/agent.cjs /src/dist/main.cjs /src/dist/main.cjs.cache /src/dist/usdt.bpf.o /app/
COPY --from=build /src/node_modules/koffi /app/node_modules/koffi
COPY --from=build /src/node_modules/@koromix /app/node_modules/@koromix
LABEL org.opencontainers.image.title="fibre-agent" \
      org.opencontainers.image.description="Watches a FIBRE bitcoind through its USDT tracepoints and serves what it sees to Prometheus" \
      org.opencontainers.image.licenses="MIT"
USER 1000:1000
EXPOSE 9435 9436
# It asks the agent by the container's own environment and configuration file.
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s CMD ["/app/agent.cjs", "health"]
ENTRYPOINT ["/app/agent.cjs"]
