# The image of the action: Debian's torch and torchvision (CPU only, with XNNPACK and QNNPACK), our Python dependencies
# by hash, our package. Three stages; what ends up in the image is copied from them file by file.
#
# Works with the classic builder (no BuildKit syntax): act and the Docker SDK know no other. Neither USER nor WORKDIR:
# GitHub's runner needs an action to start as root and sets the folder itself; models are loaded as another user.
ARG BASE_IMAGE=debian:bookworm-20250520-slim

# --- everything that Debian has to give -----------------------------------------------------------------------------
FROM ${BASE_IMAGE} AS system
ARG DEBIAN_FRONTEND=noninteractive
RUN apt-get update \
 && apt-get install -qq -y --no-install-recommends binutils ca-certificates
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
 && rm -rf "$SITE/bin" \
 && python3 -m compileall -q -s /install --invalidation-mode unchecked-hash "$SITE"
COPY src/ptmobile /package/usr/local/lib/python3.11/dist-packages/ptmobile
COPY entrypoint /package/opt/ptmobile/entrypoint
RUN find /package -name __pycache__ -prune -exec rm -r {} + \
 && chmod -R u=rwX,go=rX /package \
 && python3 -m compileall -q -s /package --invalidation-mode unchecked-hash /package

# --- what runs the phone's own library: stand-ins, launcher and runner, and a small Java VM; the compilers stay here ----
FROM system AS device
RUN apt-get install -qq -y --no-install-recommends gcc libc6-dev openjdk-17-jdk-headless
COPY src/ptmobile/device/native /build/native
RUN sh /build/native/build.sh /kit/opt/ptmobile/device \
 && sh /build/native/make-jre.sh "/kit/opt/ptmobile/device/$(uname -m | sed 's/aarch64/arm64-v8a/')/jre" \
 && chmod -R u=rwX,go=rX /kit

# --- the image: large and steady things first, so that an update is a small download ---------------------------------
FROM scratch
COPY --from=system /rootfs/ /
COPY --from=device /kit/ /
COPY --from=python /install/ /
COPY --from=python /package/ /
ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    LANG=C.UTF-8
# A library that the copying forgot shows here and not at a user's.
RUN ["/usr/bin/python3", "-I", "-B", "-c", "import torch, torchvision, torch.utils.mobile_optimizer, ptmobile; torchvision.ops.nms(torch.eye(4), torch.ones(4), 0.5)"]
LABEL org.opencontainers.image.title="ptmobile-action" \
      org.opencontainers.image.description="Turn a PyTorch model into a PyTorch Mobile file and prove that it computes what the model computes" \
      org.opencontainers.image.licenses="Apache-2.0"
ENTRYPOINT ["/usr/bin/python3", "-I", "/opt/ptmobile/entrypoint/main.py"]
