/*
 * A stand-in for Android's C library: what bionic has and glibc lacks, or does otherwise.
 *
 * The libraries of an AAR are linked against bionic's libc.so. This library has that name, needs glibc, and defines only
 * the names below; every other one is found in glibc, which comes next in the order of symbols. Types whose layout is
 * the same in both (struct stat, pthread_cond_t, locale_t used as a handle, ...) need nothing. Sources of the facts: the
 * public headers and sources of bionic (libc/include, libc/stdio/local.h) and of glibc 2.36.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>

/* Functions that this library defines itself and also needs from glibc; resolved once, when the library is loaded. */
#define STREAM_FUNCTIONS(X) \
    X(clearerr) X(fclose) X(feof) X(ferror) X(fflush) X(fgetc) X(fgets) X(fileno) X(fputc) X(fputs) X(fputwc) \
    X(fread) X(freopen) X(fseek) X(fseeko) X(ftell) X(ftello) X(fwrite) X(getc) X(getwc) X(putc) X(rewind) \
    X(setvbuf) X(ungetc) X(ungetwc) X(vfprintf)
#define OTHER_FUNCTIONS(X) \
    X(pthread_cond_broadcast) X(pthread_cond_destroy) X(pthread_cond_init) X(pthread_cond_signal) \
    X(pthread_cond_timedwait) X(pthread_cond_wait) X(pthread_mutex_init) X(sysconf)

#undef clearerr
#undef feof
#undef ferror
#undef getc
#undef putc

#define DECLARE(name) static __typeof__(name) *glibc_##name;
STREAM_FUNCTIONS(DECLARE)
OTHER_FUNCTIONS(DECLARE)

/* A handle, and not RTLD_NEXT: on a handle dlsym takes the current version of a name, as a program built today would. */
static void resolve(void *library, const char *name, void **function)
{
    *function = dlsym(library, name);
    if (*function == NULL) {
        dprintf(STDERR_FILENO, "libc.so: glibc has no %s\n", name);
        abort();
    }
}

__attribute__((constructor)) static void resolve_all(void)
{
    void *library = dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD);
    if (library == NULL)
        abort();
#define RESOLVE(name) resolve(library, #name, (void **)&glibc_##name);
    STREAM_FUNCTIONS(RESOLVE)
    OTHER_FUNCTIONS(RESOLVE)
}

/* --- errno and error texts --------------------------------------------------------------------------------------- */

int *__errno(void)
{
    return &errno;
}

/* glibc's function of this name is GNU's, which returns a string; bionic's is POSIX's. */
extern int __xpg_strerror_r(int error, char *buffer, size_t size);

int posix_strerror_r(int error, char *buffer, size_t size) __asm__("strerror_r");

int posix_strerror_r(int error, char *buffer, size_t size)
{
    return __xpg_strerror_r(error, buffer, size);
}

/* --- standard streams -------------------------------------------------------------------------------------------- */

/*
 * Code built for Android before 6.0 knows stdin, stdout and stderr as the elements of this array of structures; only
 * their addresses matter here. 152 is the size of one on 64-bit Android.
 */
#define STREAM_BYTES 152
char __sF[3][STREAM_BYTES];

static FILE *stream(FILE *file)
{
    ptrdiff_t offset = (char *)file - &__sF[0][0];
    if (offset < 0 || offset >= (ptrdiff_t)sizeof(__sF))
        return file;
    FILE *const streams[] = {stdin, stdout, stderr};
    return streams[offset / STREAM_BYTES];
}

int fprintf(FILE *file, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int written = glibc_vfprintf(stream(file), format, arguments);
    va_end(arguments);
    return written;
}

int vfprintf(FILE *file, const char *format, va_list arguments) { return glibc_vfprintf(stream(file), format, arguments); }
size_t fwrite(const void *data, size_t size, size_t count, FILE *file) { return glibc_fwrite(data, size, count, stream(file)); }
size_t fread(void *data, size_t size, size_t count, FILE *file) { return glibc_fread(data, size, count, stream(file)); }
FILE *freopen(const char *path, const char *mode, FILE *file) { return glibc_freopen(path, mode, stream(file)); }
char *fgets(char *line, int size, FILE *file) { return glibc_fgets(line, size, stream(file)); }
int fputs(const char *text, FILE *file) { return glibc_fputs(text, stream(file)); }
int fputc(int character, FILE *file) { return glibc_fputc(character, stream(file)); }
int putc(int character, FILE *file) { return glibc_putc(character, stream(file)); }
int ungetc(int character, FILE *file) { return glibc_ungetc(character, stream(file)); }
wint_t fputwc(wchar_t character, FILE *file) { return glibc_fputwc(character, stream(file)); }
wint_t ungetwc(wint_t character, FILE *file) { return glibc_ungetwc(character, stream(file)); }
wint_t getwc(FILE *file) { return glibc_getwc(stream(file)); }
int fgetc(FILE *file) { return glibc_fgetc(stream(file)); }
int getc(FILE *file) { return glibc_getc(stream(file)); }
int fseek(FILE *file, long offset, int whence) { return glibc_fseek(stream(file), offset, whence); }
int fseeko(FILE *file, off_t offset, int whence) { return glibc_fseeko(stream(file), offset, whence); }
long ftell(FILE *file) { return glibc_ftell(stream(file)); }
off_t ftello(FILE *file) { return glibc_ftello(stream(file)); }
void rewind(FILE *file) { glibc_rewind(stream(file)); }
int setvbuf(FILE *file, char *buffer, int mode, size_t size) { return glibc_setvbuf(stream(file), buffer, mode, size); }
int fflush(FILE *file) { return glibc_fflush(stream(file)); }
int fclose(FILE *file) { return glibc_fclose(stream(file)); }
int fileno(FILE *file) { return glibc_fileno(stream(file)); }
int feof(FILE *file) { return glibc_feof(stream(file)); }
int ferror(FILE *file) { return glibc_ferror(stream(file)); }
void clearerr(FILE *file) { glibc_clearerr(stream(file)); }

/* --- threads ----------------------------------------------------------------------------------------------------- */

/*
 * Bionic's mutex has 40 bytes. So has glibc's on x86-64; on aarch64 its type is padded to 48 bytes, all of which its
 * initialiser clears, though only 40 are ever used: those alone may be written. A fresh mutex can be copied.
 */
#define MUTEX_BYTES 40

int pthread_mutex_init(pthread_mutex_t *mutex, const pthread_mutexattr_t *attributes)
{
    pthread_mutex_t fresh;
    int error = glibc_pthread_mutex_init(&fresh, attributes);
    if (error == 0)
        memcpy(mutex, &fresh, MUTEX_BYTES);
    return error;
}

/*
 * A reference without a version is bound to the oldest one. Of the condition variables that is an implementation of the
 * 1990s which keeps a pointer to memory of its own in them; these are the current ones. Nothing else that the libraries
 * take differs between versions in more than errno.
 */
int pthread_cond_init(pthread_cond_t *condition, const pthread_condattr_t *attributes)
{
    return glibc_pthread_cond_init(condition, attributes);
}

int pthread_cond_destroy(pthread_cond_t *condition) { return glibc_pthread_cond_destroy(condition); }
int pthread_cond_signal(pthread_cond_t *condition) { return glibc_pthread_cond_signal(condition); }
int pthread_cond_broadcast(pthread_cond_t *condition) { return glibc_pthread_cond_broadcast(condition); }

int pthread_cond_wait(pthread_cond_t *condition, pthread_mutex_t *mutex)
{
    return glibc_pthread_cond_wait(condition, mutex);
}

int pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex, const struct timespec *until)
{
    return glibc_pthread_cond_timedwait(condition, mutex, until);
}

/* glibc keeps pthread_atfork in each program's static part, on top of this entry point. */
extern int __register_atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void), void *library);

int pthread_atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void))
{
    return __register_atfork(prepare, parent, child, NULL);
}

/* --- the system -------------------------------------------------------------------------------------------------- */

/* The numbers of sysconf's questions are bionic's own. What nobody was seen to ask is answered as unknown. */
long sysconf(int question)
{
    static const struct {
        int bionic, glibc;
    } known[] = {
        {0x00, _SC_ARG_MAX},          {0x05, _SC_CHILD_MAX},        {0x06, _SC_CLK_TCK},
        {0x0a, _SC_NGROUPS_MAX},      {0x0b, _SC_OPEN_MAX},         {0x26, _SC_IOV_MAX},
        {0x27, _SC_PAGESIZE},         {0x28, _SC_PAGESIZE},         {0x4c, _SC_THREAD_STACK_MIN},
        {0x60, _SC_NPROCESSORS_CONF}, {0x61, _SC_NPROCESSORS_ONLN}, {0x62, _SC_PHYS_PAGES},
        {0x63, _SC_AVPHYS_PAGES},     {0x64, _SC_MONOTONIC_CLOCK},
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (known[i].bionic == question)
            return glibc_sysconf(known[i].glibc);
    errno = EINVAL;
    return -1;
}

/* The checked form that the compiler chooses where it knows the size of the buffer. */
size_t __strlen_chk(const char *text, size_t size)
{
    size_t length = strnlen(text, size);
    if (length == size)
        abort();
    return length;
}

/* What Android would keep for its crash report: here it is the last line on standard error. */
void android_set_abort_message(const char *message)
{
    dprintf(STDERR_FILENO, "abort message: %s\n", message);
}

/* No property of an Android system is set: an empty value of length 0. */
int __system_property_get(const char *name, char *value)
{
    (void)name;
    *value = '\0';
    return 0;
}

/* --- long double ------------------------------------------------------------------------------------------------- */

#ifdef __x86_64__
/* Android's is IEEE's with 128 bits on x86-64 too, passed in vector registers; glibc's has 80 bits. */
typedef __float128 quad;

extern quad strtof128(const char *text, char **end);
extern quad strtof128_l(const char *text, char **end, locale_t locale);
extern quad wcstof128(const wchar_t *text, wchar_t **end);

quad quad_strtold(const char *text, char **end) __asm__("strtold");
quad quad_strtold_l(const char *text, char **end, locale_t locale) __asm__("strtold_l");
quad quad_wcstold(const wchar_t *text, wchar_t **end) __asm__("wcstold");

quad quad_strtold(const char *text, char **end) { return strtof128(text, end); }
quad quad_strtold_l(const char *text, char **end, locale_t locale) { return strtof128_l(text, end, locale); }
quad quad_wcstold(const wchar_t *text, wchar_t **end) { return wcstof128(text, end); }
#endif
