# configure.sh N: N rounds of what a configure script does.
dir=$(mktemp -d) && cd "$dir" || exit 1
n=0
while [ $n -lt "$1" ]; do
    header=$(echo "sys/stat$n.h" | sed 'y%*+/.-%p____%')
    cat >conftest.c <<END
#include <stddef.h>
int $header(void);
int main(void) { return sizeof(size_t) == 8 ? 0 : $n; }
END
    if grep "int $header" conftest.c >/dev/null; then
        result=yes
    else
        result=no
    fi
    value=$(expr "$n" \* 3 + 1)
    /usr/bin/test "$value" -gt 0 || exit 1
    host=$(uname -m | tr a-z A-Z)
    echo "#define HAVE_$header $value /* $result $host */" >>confdefs.h
    sed -e "s/@NAME@/$header/g" -e '/^#/d' conftest.c | awk '{ print $1 }' | sort -u >conf.out
    if [ $((n % 10)) -eq 0 ]; then
        gcc -c conftest.c -o conftest.o && nm conftest.o | cat >>confdefs.h
    fi
    (basename "$dir/conf.out" .out; dirname /usr/lib/libc.so) | cat >>confdefs.h
    mv conf.out conf.$n && rm -f conftest.c
    n=$((n + 1))
done
ls | wc -l
md5sum <confdefs.h
cd / && rm -rf "$dir"
