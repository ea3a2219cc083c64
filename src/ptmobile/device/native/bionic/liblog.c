/* A stand-in for Android's liblog.so: the system's log is standard error. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* A line of the log: priorities are numbered from verbose (2) to fatal (7). */
int __android_log_vprint(int priority, const char *tag, const char *format, va_list arguments)
{
    static const char letters[] = "??VDIWEF";
    char letter = priority >= 0 && priority < 8 ? letters[priority] : '?';
    flockfile(stderr);
    int written = fprintf(stderr, "%c/%s: ", letter, tag ? tag : "");
    written += vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    fflush(stderr);
    funlockfile(stderr);
    return written;
}

int __android_log_print(int priority, const char *tag, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int written = __android_log_vprint(priority, tag, format, arguments);
    va_end(arguments);
    return written;
}

int __android_log_write(int priority, const char *tag, const char *text)
{
    return __android_log_print(priority, tag, "%s", text);
}

__attribute__((noreturn)) void __android_log_assert(const char *condition, const char *tag, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    if (format != NULL)
        __android_log_vprint(7, tag, format, arguments);
    else
        __android_log_print(7, tag, "Assertion failed: %s", condition ? condition : "");
    va_end(arguments);
    abort();
}
