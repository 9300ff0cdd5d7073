# Casebridge and the portal simulator for users with a container engine; see docker-compose.yml.
# Stages: build (compilers), then two small images that hold one program each.

FROM debian:12-slim AS build
WORKDIR /src
# The list of packages alone first: changing a source file does not install compilers again.
COPY tools/packages.txt tools/
RUN apt-get update \
 && awk '$1 == "build" { print $2 }' tools/packages.txt \
    | DEBIAN_FRONTEND=noninteractive xargs apt-get install -y --no-install-recommends \
 && rm -rf /var/lib/apt/lists/*
COPY . .
RUN cmake --preset release \
 && cmake --build build --target casebridge portal-simulator \
 && mkdir /programs \
 && find build -type f -perm -u+x \( -name casebridge -o -name portal-simulator \) \
    -exec cp {} /programs/ \; \
 && strip /programs/*

FROM debian:12-slim AS casebridge
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
    ca-certificates libcurl4 libjansson4 libpq5 librdkafka1 libssl3 libyaml-0-2 tzdata \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --home-dir /nonexistent --shell /usr/sbin/nologin casebridge
COPY --from=build /programs/casebridge /usr/bin/casebridge
COPY schemas /usr/share/casebridge/schemas
COPY config /usr/share/casebridge/config
ENV CASEBRIDGE_SCHEMAS=/usr/share/casebridge/schemas
USER casebridge
ENTRYPOINT ["/usr/bin/casebridge"]
CMD ["--help"]

FROM debian:12-slim AS portal-simulator
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
    libjansson4 libmicrohttpd12 libsqlite3-0 libssl3 \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --home-dir /var/lib/portal --create-home --shell /usr/sbin/nologin portal
COPY --from=build /programs/portal-simulator /usr/bin/portal-simulator
USER portal
VOLUME /var/lib/portal
EXPOSE 8080
ENTRYPOINT ["/usr/bin/portal-simulator"]
CMD ["--listen", "0.0.0.0:8080", "--db", "/var/lib/portal/portal.db"]
