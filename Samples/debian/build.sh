#!/bin/sh
# Builds a package for Debian and what comes of it: `make deb`.
#
#   Samples/debian/build.sh BINARY FOLDER      writes FOLDER/nosocks_VERSION_ARCHITECTURE.deb, and its name to stdout
#
# COMPRESS=gzip is faster and larger; SHLIBDEPS are options of dpkg-shlibdeps. The same input makes the same bytes.
set -eu
umask 022

binary=$(realpath "$1")
folder=$(realpath "$2")
here=$(dirname "$(realpath "$0")")
top=$(dirname "$(dirname "$here")")

if ! command -v dpkg-deb > /dev/null || ! command -v dpkg-shlibdeps > /dev/null; then
    echo "make deb: dpkg-deb and dpkg-shlibdeps are missing; apt-get install dpkg-dev" >&2
    exit 1
fi
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
root=$stage/root

version=$("$binary" --version | cut -d ' ' -f 2)
last=$(dpkg-parsechangelog -l "$here/changelog" -S Version)
if [ "$version" != "$last" ]; then
    echo "make deb: the program is $version, Samples/debian/changelog ends with $last; say there what is new" >&2
    exit 1
fi
SOURCE_DATE_EPOCH=$(dpkg-parsechangelog -l "$here/changelog" -S Timestamp)
export SOURCE_DATE_EPOCH

# As everywhere, and then where Debian wants it.
make -s -C "$top" -o "$binary" BINARY="$binary" DESTDIR="$root" PREFIX=/usr install
install -d "$root/usr/share/zsh/vendor-completions"
mv "$root"/usr/share/zsh/site-functions/* "$root/usr/share/zsh/vendor-completions/"
rmdir "$root/usr/share/zsh/site-functions"
# Read by a shell, never run.
sed -i '1{/^#!/d}' "$root"/usr/share/bash-completion/completions/nosocks
gzip -9n "$root"/usr/share/man/man1/*

units() {
    install -d "$root/$2"
    for unit in "$top/$1"/nosocks-hub* "$top/$1"/nosocks-join*; do
        sed 's|/usr/local/bin/|/usr/bin/|' "$unit" > "$root/$2/$(basename "$unit")"
    done
}
units Samples/systemd/system lib/systemd/system
units Samples/systemd usr/lib/systemd/user

doc=$root/usr/share/doc/nosocks
install -d "$doc/examples"
install -m 644 "$here/copyright" "$doc/"
gzip -9n < "$here/changelog" > "$doc/changelog.gz"
for page in README.md README.ru.md; do gzip -9n < "$top/$page" > "$doc/$page.gz"; done
install -m 755 "$top"/Samples/*.sh "$doc/examples/"
install -m 644 "$top/Samples/cron/crontab" "$doc/examples/"
install -D -m 644 "$here/lintian-overrides" "$root/usr/share/lintian/overrides/nosocks"

# dpkg-shlibdeps looks for a source package around it.
mkdir -p "$stage/debian" "$root/DEBIAN"
echo 'Source: nosocks' > "$stage/debian/control"
# shellcheck disable=SC2086
if ! (cd "$stage" && dpkg-shlibdeps ${SHLIBDEPS:-} -O "$root/usr/bin/nosocks") > "$stage/found" 2> "$stage/said"; then
    cat "$stage/said" >&2
    exit 1
fi
depends=$(sed -n 's/^shlibs:Depends=//p' "$stage/found")
architecture=$(dpkg --print-architecture)
size=$(du -sk --exclude=DEBIAN --apparent-size "$root" | cut -f 1)
sed -e "s|@VERSION@|$version|" -e "s|@ARCHITECTURE@|$architecture|" -e "s|@SIZE@|$size|" -e "s|@DEPENDS@|$depends|" \
    "$here/control" > "$root/DEBIAN/control"
for script in postinst prerm postrm; do install -m 755 "$here/$script" "$root/DEBIAN/"; done
(cd "$root" && find . -path ./DEBIAN -prune -o -type f -printf '%P\0' | LC_ALL=C sort -z | xargs -0 md5sum) \
    > "$root/DEBIAN/md5sums"
find "$root" -type d -exec chmod 755 {} +
chmod -R u+rwX,go+rX,go-w "$root"
find "$root" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +

package=$folder/nosocks_${version}_$architecture.deb
dpkg-deb --root-owner-group -Z"${COMPRESS:-xz}" --build "$root" "$package" > /dev/null
echo "$package"
