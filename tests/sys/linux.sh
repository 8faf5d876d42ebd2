# linux.sh - for tests that boot Debian's kernel, to be sourced: makes its initial disk.
guest=$(tests/fetch linux riscv64) || { echo "skip $name: $guest"; exit 77; }
[ -x "$O/rhea-system" ] || { echo "skip $name: needs libfdt-dev and zlib1g-dev"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
status=0

# said NAME WANT GOT
said() {
    if [ "$2" = "$3" ]; then
        echo "ok $1"
    else
        printf 'want: %s\ngot:  %s\n' "$2" "$3"
        echo "not ok $1"
        status=1
    fi
}

# initrd FILE [MODULE...] <SCRIPT: an initial disk that loads these modules, runs the script,
# whose lines `say TEXT` are the test's, and ends the machine.  $programs are there, too.
initrd() (
    file=$1
    shift
    rm -rf "$work/initial"
    mkdir -p "$work/initial/bin" "$work/initial/dev" "$work/initial/proc" "$work/initial/sys" "$work/initial/mnt" "$work/initial/modules"
    cp "$guest/busybox" "$work/initial/bin"
    ln -s busybox "$work/initial/bin/sh"
    [ -z "${programs:-}" ] || cp $programs "$work/initial/bin" || exit
    for module; do
        [ ! -e "$guest"/modules/*-"$module".ko ] || # it is built in
            cp "$guest"/modules/*-"$module".ko "$work/initial/modules" || exit
    done
    {
        cat <<'END'
#!/bin/sh
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc; mount -t sysfs sysfs /sys; mount -t devtmpfs devtmpfs /dev
exec </dev/console >/dev/console 2>&1
say() { echo "TEST $*"; }
for module in /modules/*.ko; do insmod $module; done
END
        cat
        echo 'say end; poweroff -f; sleep 60'
    } >"$work/initial/init"
    chmod +x "$work/initial/init"
    # cpio of the guest's busybox, by the emulator of programs: no package for it.
    (cd "$work/initial" && find . | LC_ALL=C sort | "$RHEA" run "$guest/busybox" cpio -o -H newc 2>/dev/null) >"$file"
)

# boot SECONDS INITRD ARG...: what the guest says, on a line each
boot() {
    limit=$1 disk=$2
    shift 2
    timeout "$limit" "$RHEA" boot -M virt -m 512 -display none -serial stdio -no-reboot \
        -kernel "$guest/kernel" -initrd "$disk" -append "console=ttyS0 panic=-1 quiet" "$@" \
        </dev/null >"$work/console" 2>&1
    echo "status $?" >>"$work/console"
    tr -d '\r' <"$work/console" | sed -n 's/^TEST //p; /^status/p'
}

# tool NAME PACKAGE: its path
tool() {
    command -v "$1" || PATH=$PATH:/sbin:/usr/sbin command -v "$1" ||
        { echo "skip $name: needs $2" >&2; exit 77; }
}

# What keeps a file system on /dev/vda busy: files of all sizes, written by four at once, read
# back, linked, truncated and removed, with syncs.
busy_modules='virtio_mmio virtio_blk crc32c_generic jbd2 mbcache crc16 ext4'
busy_disk() {
    cat <<'END'
mount -t ext4 /dev/vda /mnt || say cannot mount
work() {
    mkdir -p /mnt/$1
    cd /mnt/$1
    i=0
    while [ $i -lt 40 ]; do
        dd if=/dev/urandom of=f$i bs=$((i * 997 % 4096 + 1)) count=$((i * 7 % 50 + 1)) 2>/dev/null
        [ $((i % 3)) = 0 ] && dd if=/dev/zero of=f$((i / 2)) bs=1000 seek=$i count=3 conv=notrunc 2>/dev/null
        [ $((i % 4)) = 1 ] && mv f$((i - 1)) g$((i - 1))
        [ $((i % 5)) = 2 ] && ln f$i h$i && rm -f f$((i - 2))
        [ $((i % 7)) = 3 ] && sync
        i=$((i + 1))
    done
}
for round in 1 2 3; do
    for n in 1 2 3 4; do work $n & done
    wait
    rm -rf /mnt/$round
done
cd /mnt
dd if=/dev/urandom of=large bs=1M count=48 2>/dev/null
find . -type f | sort | xargs sha256sum | sha256sum >/sums
echo 3 >/proc/sys/vm/drop_caches
find . -type f | sort | xargs sha256sum | sha256sum | cmp - /sums && say read back
cd /
umount /mnt && say unmounted
END
}
