# The image of the action: Debian's torch and torchvision (CPU only, with XNNPACK and QNNPACK), our Python dependencies
# by hash, our package, and what runs the phone's own library. What ends up in the image is copied from stages.
#
# Works with the classic builder (no BuildKit syntax): act and the Docker SDK know no other. Neither USER nor WORKDIR:
# GitHub's runner needs an action to start as root and sets the folder itself; models are loaded as another user.
ARG BASE_IMAGE=debian:bookworm-20250520-slim

# --- where all stages start ------------------------------------------------------------------------------------------
FROM ${BASE_IMAGE} AS debian
ARG DEBIAN_FRONTEND=noninteractive
RUN apt-get update \
 && apt-get install -qq -y --no-install-recommends binutils ca-certificates

# --- everything that Debian has to give -----------------------------------------------------------------------------
FROM debian AS system
ARG DEBIAN_FRONTEND=noninteractive
COPY image/unneeded.sh /build/
# Torch names OpenCV, FFmpeg and more among its libraries without using them: unneeded.sh says how we do without.
RUN sh /build/unneeded.sh /build/torch-unneeded.deb \
 && apt-get install -qq -y --no-install-recommends \
        /build/torch-unneeded.deb \
        python3-torch=1.13.1+dfsg-4 \
        python3-torchvision=0.14.1-2 \
        libopenblas0-serial=0.3.21+ds-4 \
        python3-packaging
COPY image/rootfs.py /build/
# The only user besides root: the process that loads a model becomes this one. Byte code is checked against nothing
# when it is loaded (unchecked-hash): the files never change, and the image may be read-only or the user another.
RUN python3 /build/rootfs.py /rootfs \
 && echo 'ptmobile-worker:x:10001:10001:loads and runs models:/nonexistent:/usr/sbin/nologin' >>/rootfs/etc/passwd \
 && echo 'ptmobile-worker:x:10001:' >>/rootfs/etc/group \
 && ldconfig -r /rootfs \
 && python3 -m compileall -q -j 0 -s /rootfs --invalidation-mode unchecked-hash /rootfs/usr/lib/python3*

# --- what our package needs, exactly as locked, and the package itself -----------------------------------------------
FROM system AS python
RUN apt-get install -qq -y --no-install-recommends python3-pip
COPY requirements/runtime.lock /build/
ARG SITE=/install/usr/local/lib/python3.11/dist-packages
RUN python3 -m pip install --quiet --no-cache-dir --no-compile --no-deps --only-binary :all: --require-hashes \
        --target "$SITE" --requirement /build/runtime.lock \
 && rm -rf "${SITE:?}/bin" \
 && python3 -m compileall -q -s /install --invalidation-mode unchecked-hash "$SITE"
# What installs the packages of models; it stays a wheel, which Python runs as it is, and is in nobody's path.
COPY requirements/pip.lock /build/
RUN python3 -m pip download --quiet --no-cache-dir --no-deps --only-binary :all: --require-hashes \
        --dest /install/opt/ptmobile/pip --requirement /build/pip.lock \
 && chmod -R u=rwX,go=rX /install/opt/ptmobile
COPY src/ptmobile /package/usr/local/lib/python3.11/dist-packages/ptmobile
COPY entrypoint /package/opt/ptmobile/entrypoint
RUN find /package -name __pycache__ -prune -exec rm -r {} + \
 && chmod -R u=rwX,go=rX /package \
 && python3 -m compileall -q -s /package --invalidation-mode unchecked-hash /package

# --- what runs the phone's own library: stand-ins, launcher and runner, a small Java VM; the compilers stay here -------
# On x86-64 for both ABIs, with qemu for the one of phones; on arm64 for that one alone, which runs by itself. It comes
# in two layers, so that a change of our sources does not make the Java VMs anew.
FROM debian AS device
ARG DEBIAN_FRONTEND=noninteractive
# hadolint ignore=SC2046 # a list of words
RUN apt-get install -qq -y --no-install-recommends gcc libc6-dev openjdk-17-jdk-headless \
        $(test "$(uname -m)" != x86_64 || echo gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user-static)
COPY image/device-runtimes.sh src/ptmobile/device/native/make-jre.sh src/ptmobile/device/native/arm64-root.sh /build/
RUN sh /build/device-runtimes.sh /runtimes /build \
 && chmod -R u=rwX,go=rX /runtimes
COPY src/ptmobile/device/native /build/native
# hadolint ignore=SC2046 # a list of words
RUN sh /build/native/build.sh /kit/opt/ptmobile/device $(test "$(uname -m)" != x86_64 || echo x86_64 arm64-v8a) \
 && chmod -R u=rwX,go=rX /kit

# --- releases of the phone's library for runs without a network: --build-arg RUNTIMES="1.9.0 1.12.2"; none by default ---
FROM python AS runtimes
ARG RUNTIMES=""
# Addresses of Maven repositories to ask instead of the usual one, separated by spaces.
ARG PTMOBILE_MAVEN=""
COPY image/bake_runtimes.py /build/
# The folder is there in any case: the classic builder fails when it copies nothing at all.
RUN mkdir -p /baked/opt/ptmobile/runtimes \
 && PYTHONPATH=/install/usr/local/lib/python3.11/dist-packages:/package/usr/local/lib/python3.11/dist-packages \
    python3 /build/bake_runtimes.py /baked/opt/ptmobile/runtimes $RUNTIMES

# --- the image: large and steady things first, so that an update is a small download ---------------------------------
FROM scratch
COPY --from=system /rootfs/ /
COPY --from=device /runtimes/ /
COPY --from=python /install/ /
COPY --from=runtimes /baked/ /
COPY --from=device /kit/ /
COPY --from=python /package/ /
ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    LANG=C.UTF-8
# A library that the copying forgot shows here and not at a user's.
RUN ["/usr/bin/python3", "-I", "-B", "-c", "import torch, torchvision, torch.utils.mobile_optimizer, ptmobile; torchvision.ops.nms(torch.eye(4), torch.ones(4), 0.5)"]
LABEL org.opencontainers.image.title="ptmobile-action" \
      org.opencontainers.image.description="Turn a PyTorch model into a PyTorch Mobile file and prove that it computes what the model computes" \
      org.opencontainers.image.licenses="Apache-2.0"
ENTRYPOINT ["/usr/bin/python3", "-I", "/opt/ptmobile/entrypoint/main.py"]
