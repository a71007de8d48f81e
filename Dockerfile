# Pylon as an image: one static binary in an otherwise empty root.
#
#   docker build -t bittensor_pylon .
#   docker build -t bittensor_pylon --target nonroot .
#
# The default image runs as root, because hotkey files are commonly mounted from /root/.bittensor with mode 0600; it also
# runs with --user. The target nonroot is the same with user 65532. The build needs the Go module proxy and nothing else.
FROM --platform=$BUILDPLATFORM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG TARGETOS TARGETARCH VERSION=""
RUN CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH \
    go build -trimpath -ldflags "-s -w -X main.version=$VERSION" -o /out/pylon ./cmd/pylon \
 && mkdir -p /out/root/data /out/root/tmp /out/root/etc/ssl/certs \
 && cp /out/pylon /out/root/pylon \
 && cp /etc/ssl/certs/ca-certificates.crt /out/root/etc/ssl/certs/ \
 && chmod 1777 /out/root/tmp /out/root/data

FROM scratch AS base
COPY --from=build /out/root/ /
# Relative paths of settings (pylon.db, .env) are below the volume.
WORKDIR /data
VOLUME /data
EXPOSE 8000
ENTRYPOINT ["/pylon"]
CMD ["serve"]

FROM base AS nonroot
USER 65532:65532

FROM base
