#!/bin/sh
# Build a small Debian package that stands in for the packages that torch asks for and never uses.
#
# Debian's libtorch_cpu.so names OpenCV, FFmpeg and a few others among its libraries, but takes not one symbol from any
# of them: they are leftovers of Caffe2's image and video operators. Installed for real they bring Qt, GDAL, GStreamer
# and some 250 libraries more into every process that imports torch, and about a gigabyte into the image. This package
# says `Provides:` for each of them, so that apt is content, and holds an empty library under each name, so that the
# loader is. Nothing can go wrong unseen: libtorch is linked with BIND_NOW, so if a symbol were wanted after all,
# `import torch` would fail, and the build imports it.
#
# The Python packages in the list are wanted by parts of torch that a conversion never enters (hypothesis: torch's own
# test-suite; sympy: dynamic shapes of torch.fx; future, psutil: scripts), or come with our own dependencies (PyYAML).
#
# Usage: unneeded.sh OUTPUT.deb
set -eu

output=$1
libraries='libopencv_calib3d.so.406 libopencv_core.so.406 libopencv_dnn.so.406 libopencv_features2d.so.406
    libopencv_flann.so.406 libopencv_highgui.so.406 libopencv_imgcodecs.so.406 libopencv_imgproc.so.406
    libopencv_optflow.so.406 libopencv_video.so.406 libopencv_videoio.so.406 libopencv_ximgproc.so.406
    libavcodec.so.59 libavformat.so.59 libavutil.so.57 libswresample.so.4 libswscale.so.6
    libleveldb.so.1d liblmdb.so.0 libsnappy.so.1 libzmq.so.5'
packages='libopencv-calib3d406 libopencv-contrib406 libopencv-core406 libopencv-dnn406 libopencv-features2d406
    libopencv-flann406 libopencv-highgui406 libopencv-imgcodecs406 libopencv-imgproc406 libopencv-video406
    libopencv-videoio406
    libavcodec59 libavformat59 libavutil57 libswresample4 libswscale6
    libleveldb1d liblmdb0 libsnappy1v5 libzmq5 libtorch-test
    python3-future python3-hypothesis python3-psutil python3-sympy python3-yaml'

candidate() { apt-cache policy "$1" | sed -n 's/^  Candidate: //p'; }

provides() {
    for package in $packages; do
        version=$(candidate "$package")
        [ -n "$version" ] || { echo "unneeded.sh: Debian has no $package (any more)" >&2; exit 1; }
        printf '%s (= %s), ' "$package" "$version"
    done
}

work=$(mktemp -d)
tree=$work/tree
mkdir -p "$tree/DEBIAN" "$tree/usr/lib/torch-unneeded"
as -o "$work/empty.o" /dev/null
ld -shared -o "$tree/usr/lib/torch-unneeded/libempty.so" "$work/empty.o"
# One file under all names: the loader then maps it once.
for library in $libraries; do
    ln -s torch-unneeded/libempty.so "$tree/usr/lib/$library"
done
provided=$(provides)
cat >"$tree/DEBIAN/control" <<CONTROL
Package: torch-unneeded
Version: 1.13.1
Architecture: $(dpkg --print-architecture)
Maintainer: ptmobile-action
Provides: ${provided%, }
Description: empty stand-ins for libraries that torch names and never uses
CONTROL
dpkg-deb --root-owner-group --build "$tree" "$output" >/dev/null
rm -r "$work"
