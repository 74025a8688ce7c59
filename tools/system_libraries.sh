#!/usr/bin/env bash
# Sees to what the system must bring, since pip cannot.
# usage: tools/system_libraries.sh [qt] [display] [PACKAGE...]
#   qt       what PyQt6 and napari's OpenGL canvas load
#   display  a virtual display and Mesa's software renderer, for tests without a screen
#   PACKAGE  a Debian package known to be missing
# Root on Debian or Ubuntu: installs what is missing. Anyone else: one line says what to run.
set -euo pipefail

[ "$(uname)" = Linux ] || exit 0

# "shared library or program  Debian package"; the libraries are those that PyQt6 6.11's wheel
# needs (objdump -p) in libqxcb.so, its GLX and EGL plugins, libQt6Gui, libQt6Core and libQt6DBus.
qt='
libGL.so.1               libgl1
libEGL.so.1              libegl1
libX11.so.6              libx11-6
libX11-xcb.so.1          libx11-xcb1
libxcb.so.1              libxcb1
libxcb-cursor.so.0       libxcb-cursor0
libxcb-glx.so.0          libxcb-glx0
libxcb-icccm.so.4        libxcb-icccm4
libxcb-image.so.0        libxcb-image0
libxcb-keysyms.so.1      libxcb-keysyms1
libxcb-randr.so.0        libxcb-randr0
libxcb-render.so.0       libxcb-render0
libxcb-render-util.so.0  libxcb-render-util0
libxcb-shape.so.0        libxcb-shape0
libxcb-shm.so.0          libxcb-shm0
libxcb-sync.so.1         libxcb-sync1
libxcb-util.so.1         libxcb-util1
libxcb-xfixes.so.0       libxcb-xfixes0
libxcb-xkb.so.1          libxcb-xkb1
libxkbcommon.so.0        libxkbcommon0
libxkbcommon-x11.so.0    libxkbcommon-x11-0
libdbus-1.so.3           libdbus-1-3
libfontconfig.so.1       libfontconfig1
libfreetype.so.6         libfreetype6
libglib-2.0.so.0         libglib2.0-0
libzstd.so.1             libzstd1
'
display='
libGLX_mesa.so.0  libglx-mesa0
libEGL_mesa.so.0  libegl-mesa0
Xvfb              xvfb
xauth             xauth
'

PATH=$PATH:/sbin:/usr/sbin  # ldconfig is not on every user's PATH
libraries=$(ldconfig -p)
missing=() packages=()
for name in "$@"; do
    case $name in
    qt) wanted=$qt ;;
    display) wanted=$display ;;
    *) missing+=("$name") packages+=("$name") && continue ;;
    esac
    while read -r file package; do
        case $file in
        '') continue ;;
        *.so.*) [[ $libraries == *$'\t'"$file "* ]] && continue ;;
        *) command -v "$file" >/dev/null && continue ;;
        esac
        missing+=("$file") packages+=("$package")
    done <<<"$wanted"
done
[ ${#missing[@]} -gt 0 ] || exit 0

if ! command -v apt-get >/dev/null; then
    echo "Missing from this system: ${missing[*]}." \
        "Install them with its package manager (on Debian: ${packages[*]}), then try again." >&2
    exit 1
fi
if [ "$(id -u)" != 0 ]; then
    echo "System packages are missing. Run: sudo apt-get install --no-install-recommends ${packages[*]}" >&2
    exit 1
fi
echo "Installing ${packages[*]}"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq || echo "apt-get update failed; going on with the package lists at hand." >&2
apt-get install -qq --no-install-recommends "${packages[@]}" </dev/null >/dev/null
