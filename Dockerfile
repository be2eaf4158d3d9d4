# The agent in a container, from its Debian package. compose.yaml shows how to run it: it takes the host's pid namespace, CAP_BPF and CAP_PERFMON,
# and the user that bitcoind runs as. To build it takes BuildKit, which Docker 23 and newer use.
ARG NODE_IMAGE=node:24.21.0-bookworm-slim
ARG DEBIAN_IMAGE=debian:13.2-slim

# On the machine's own architecture: packages of the other are made there as well.
FROM --platform=$BUILDPLATFORM ${NODE_IMAGE} AS build
ARG TARGETARCH
ARG SOURCE_DATE_EPOCH
WORKDIR /src
COPY . .
RUN SOURCE_DATE_EPOCH="${SOURCE_DATE_EPOCH:-$(date +%s)}" npm run package -- --arch "$TARGETARCH"

FROM ${DEBIAN_IMAGE}
# Docker gives capabilities to root alone (moby/moby#8460); to another user they come with the executable, as far as the container has them.
# Without both of them in the container, `--cap-add BPF --cap-add PERFMON`, the kernel refuses to start it: "operation not permitted".
# The container's user is no member of the group that may read the configuration file on a server. There is no password in this one.
RUN --mount=type=bind,from=build,source=/src/dist/packages,target=/packages \
    apt-get update \
 && apt-get install -y --no-install-recommends libcap2-bin /packages/*.deb \
 && setcap cap_bpf,cap_perfmon=ep /usr/lib/fibre-agent/node \
 && apt-get purge -y --auto-remove libcap2-bin \
 && rm -rf /var/lib/apt/lists/* \
 && chmod 0644 /etc/fibre-agent/config.yaml \
 && install -d -o 1000 -g 1000 -m 0750 /var/lib/fibre-agent /var/log/fibre-agent
LABEL org.opencontainers.image.title="fibre-agent" \
      org.opencontainers.image.description="Watches a FIBRE bitcoind through its USDT tracepoints and serves what it sees to Prometheus" \
      org.opencontainers.image.licenses="MIT"
USER 1000:1000
EXPOSE 9435 9436
# It asks the agent by the container's own environment and configuration file.
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s CMD ["fibre-agent", "health"]
ENTRYPOINT ["fibre-agent"]
