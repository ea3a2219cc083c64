/*
 * Asks the stand-ins for Android's system libraries what bionic would answer. Usage: standins_check KIT/ABI
 * Prints a line per answer that is wrong, and returns how many there are.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int wrong;

#define CHECK(condition) \
    do { \
        if (!(condition)) { \
            printf("line %d: %s\n", __LINE__, #condition); \
            wrong++; \
        } \
    } while (0)

static void *open_library(const char *folder, const char *name)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    void *library = dlopen(path, RTLD_NOW | RTLD_DEEPBIND);
    if (library == NULL) {
        printf("%s\n", dlerror());
        exit(99);
    }
    return library;
}

static void check_system(void *libc)
{
    long (*bionic_sysconf)(int) = dlsym(libc, "sysconf");
    CHECK(bionic_sysconf(0x27) == getpagesize() && bionic_sysconf(0x28) == getpagesize());
    CHECK(bionic_sysconf(0x60) == sysconf(_SC_NPROCESSORS_CONF));
    CHECK(bionic_sysconf(0x61) == sysconf(_SC_NPROCESSORS_ONLN));
    CHECK(bionic_sysconf(0x62) == sysconf(_SC_PHYS_PAGES));
    errno = 0;
    CHECK(bionic_sysconf(0x1234) == -1 && errno == EINVAL);

    int (*bionic_strerror_r)(int, char *, size_t) = dlsym(libc, "strerror_r");
    char text[100] = "";
    CHECK(bionic_strerror_r(ENOENT, text, sizeof(text)) == 0 && strcmp(text, "No such file or directory") == 0);
    CHECK(bionic_strerror_r(ENOENT, text, 3) == ERANGE);

    int *(*bionic_errno)(void) = dlsym(libc, "__errno");
    CHECK(bionic_errno() == &errno);

    int (*get_property)(const char *, char *) = dlsym(libc, "__system_property_get");
    CHECK(get_property("ro.product.board", text) == 0 && text[0] == '\0');

    size_t (*checked_strlen)(const char *, size_t) = dlsym(libc, "__strlen_chk");
    CHECK(checked_strlen("four", 100) == 4);
}

static void check_streams(void *libc)
{
    char *streams = dlsym(libc, "__sF");
    int (*print)(void *, const char *, ...) = dlsym(libc, "fprintf");
    size_t (*write_all)(const void *, size_t, size_t, void *) = dlsym(libc, "fwrite");
    int (*flush)(void *) = dlsym(libc, "fflush");
    int (*number)(void *) = dlsym(libc, "fileno");
    for (int i = 0; i < 3; i++)
        CHECK(number(streams + 152 * i) == i);
    CHECK(number(stdout) == 1);
    CHECK(print(streams + 152 * 2, "%s %d;", "to stderr", 7) == 12);
    CHECK(write_all("abc", 1, 3, streams + 152 * 2) == 3);
    CHECK(flush(streams + 152 * 2) == 0 && flush(NULL) == 0);
}

static void check_threads(void *libc)
{
    int (*init)(void *, const pthread_mutexattr_t *) = dlsym(libc, "pthread_mutex_init");
    pthread_mutexattr_t recursive;
    pthread_mutexattr_init(&recursive);
    pthread_mutexattr_settype(&recursive, 1); /* PTHREAD_MUTEX_RECURSIVE in bionic, and in glibc */
    _Alignas(8) unsigned char mutex[48];
    memset(mutex, 0xAA, sizeof(mutex));
    CHECK(init(mutex, &recursive) == 0);
    for (int i = 40; i < 48; i++)
        CHECK(mutex[i] == 0xAA);
    pthread_mutex_t *lock = (pthread_mutex_t *)mutex;
    CHECK(pthread_mutex_lock(lock) == 0 && pthread_mutex_lock(lock) == 0);

    /* The oldest implementation would put a pointer to memory of its own into the first word. */
    int (*wait)(void *, void *, const struct timespec *) = dlsym(libc, "pthread_cond_timedwait");
    _Alignas(8) unsigned char condition[48] = {0};
    struct timespec past = {0, 0};
    CHECK(wait(condition, lock, &past) == ETIMEDOUT);
    unsigned long first;
    memcpy(&first, condition, sizeof(first));
    CHECK(first < 0x10000);

    int (*at_fork)(void (*)(void), void (*)(void), void (*)(void)) = dlsym(libc, "pthread_atfork");
    CHECK(at_fork(NULL, NULL, NULL) == 0);
}

/* Android's long double has 128 bits on both; on x86-64 glibc's has 80 and is passed elsewhere. */
#ifdef __x86_64__
typedef __float128 quad;
#else
typedef long double quad;
#endif

static void check_long_double(void *libc, void *libm)
{
    double (*toward)(double, quad) = dlsym(libm, "nexttoward");
    float (*towardf)(float, quad) = dlsym(libm, "nexttowardf");
    CHECK(toward(1.0, (quad)0) == nextafter(1.0, 0.0));
    CHECK(toward(1.0, (quad)1 + (quad)1e-30) == nextafter(1.0, 2.0));
    CHECK(toward(1.0, (quad)1) == 1.0);
    CHECK(isnan(toward(1.0, (quad)NAN)));
    CHECK(towardf(1.0f, (quad)0) == nextafterf(1.0f, 0.0f));
    quad (*parse)(const char *, char **) = dlsym(libc, "strtold");
    char *end;
    CHECK(parse("1.5e-400x", &end) > 0 && *end == 'x');
    CHECK(parse("0.25", NULL) == (quad)0.25);
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 98;
    void *libm = open_library(argv[1], "libm.so");
    void *libc = open_library(argv[1], "libc.so");
    check_system(libc);
    check_streams(libc);
    check_threads(libc);
    check_long_double(libc, libm);
    return wrong;
}
