/*
 * Starts a Java VM in a process that already holds the libraries of an AAR.
 *
 * Usage: launcher LIBJVM LIBRARY... -- JVM_OPTION... -- CLASS ARGUMENT...
 *
 * Two things cannot be had from the `java` command. The libraries must be opened by dlopen with RTLD_DEEPBIND before
 * Java asks for them, so that each finds the C++ runtime and the C library of its own (or rather the stand-in) before
 * those of the VM. And on aarch64 the word at thread pointer + 0x28 must never change, see below.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <jni.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What the process returns: anything else comes from the runner in Java, or is a signal. */
enum { USAGE = 100, NO_JVM = 101, LIBRARY_REFUSED = 102, NO_CLASS = 103, UNCAUGHT = 104 };

/* Like the main thread of an Android app. */
#define STACK_BYTES (8u << 20)

#ifdef __aarch64__
/*
 * Code for Android finds its stack guard at the thread pointer + 0x28. There glibc puts the thread-local variables of
 * the program itself, from + 16 on: this block reserves the place, and nothing ever writes to it. Without it some
 * library's variable is there, and a function during which it changes ends with "stack smashing detected".
 */
static __thread volatile char bionic_slots[256] __attribute__((aligned(16), used));
#endif

typedef jint (*create_vm_function)(JavaVM **, void **, void *);

struct task {
    const char *libjvm;
    char **libraries, **options, **class_and_arguments;
    int library_count, option_count, argument_count;
};

static void fail(int code, const char *what, const char *reason)
{
    fprintf(stderr, "launcher: %s: %s\n", what, reason ? reason : "unknown");
    fflush(NULL);
    _exit(code);
}

static void open_libraries(const struct task *task)
{
    for (int i = 0; i < task->library_count; i++)
        if (dlopen(task->libraries[i], RTLD_NOW | RTLD_DEEPBIND) == NULL)
            fail(LIBRARY_REFUSED, task->libraries[i], dlerror());
}

static JNIEnv *start_vm(const struct task *task)
{
    void *library = dlopen(task->libjvm, RTLD_NOW);
    if (library == NULL)
        fail(NO_JVM, task->libjvm, dlerror());
    create_vm_function create = (create_vm_function)dlsym(library, "JNI_CreateJavaVM");
    JavaVMOption *options = calloc(task->option_count + 1, sizeof(*options));
    if (create == NULL || options == NULL)
        fail(NO_JVM, task->libjvm, "no JNI_CreateJavaVM, or no memory");
    for (int i = 0; i < task->option_count; i++)
        options[i].optionString = task->options[i];
    JavaVMInitArgs arguments = {.version = JNI_VERSION_10, .nOptions = task->option_count, .options = options};
    JavaVM *vm = NULL;
    JNIEnv *environment = NULL;
    if (create(&vm, (void **)&environment, &arguments) != JNI_OK)
        fail(NO_JVM, task->libjvm, "the Java VM did not start");
    return environment;
}

static int run_class(JNIEnv *jni, const struct task *task)
{
    jclass runner = (*jni)->FindClass(jni, task->class_and_arguments[0]);
    jclass string = (*jni)->FindClass(jni, "java/lang/String");
    jmethodID main = runner ? (*jni)->GetStaticMethodID(jni, runner, "run", "([Ljava/lang/String;)I") : NULL;
    int count = task->argument_count - 1;
    jobjectArray arguments = main && string ? (*jni)->NewObjectArray(jni, count, string, NULL) : NULL;
    for (int i = 0; arguments && i < count; i++) {
        jstring argument = (*jni)->NewStringUTF(jni, task->class_and_arguments[i + 1]);
        (*jni)->SetObjectArrayElement(jni, arguments, i, argument);
    }
    jint code = arguments ? (*jni)->CallStaticIntMethod(jni, runner, main, arguments) : NO_CLASS;
    if ((*jni)->ExceptionCheck(jni)) {
        (*jni)->ExceptionDescribe(jni);
        return arguments ? UNCAUGHT : NO_CLASS;
    }
    return code;
}

/*
 * Ends the process without running destructors: an app's process is killed, so those of its libraries never run on a
 * phone, and what goes wrong in them would be no finding.
 */
static void *work(void *argument)
{
    const struct task *task = argument;
    open_libraries(task);
    int code = run_class(start_vm(task), task);
    fflush(NULL);
    _exit(code);
}

/* Takes the words up to the next `--`; returns how many there are. */
static int take(char ***words, char **list)
{
    int count = 0;
    while (list[count] != NULL && strcmp(list[count], "--") != 0)
        count++;
    *words = list;
    return count;
}

int main(int argc, char **argv)
{
    struct task task = {.libjvm = argc > 1 ? argv[1] : NULL};
    if (argc > 4) {
        char **rest = argv + 2;
        task.library_count = take(&task.libraries, rest);
        rest += task.library_count + (rest[task.library_count] != NULL);
        task.option_count = take(&task.options, rest);
        rest += task.option_count + (rest[task.option_count] != NULL);
        task.argument_count = take(&task.class_and_arguments, rest);
    }
    if (task.argument_count == 0)
        fail(USAGE, "usage", "launcher LIBJVM LIBRARY... -- JVM_OPTION... -- CLASS ARGUMENT...");
    /* Not the first thread: the VM cannot guard that one's stack (the `java` command does the same). */
    pthread_t thread;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    if (pthread_create(&thread, &attributes, work, &task) != 0)
        fail(NO_JVM, "thread", "could not be started");
    pthread_join(thread, NULL);
    return USAGE;
}
