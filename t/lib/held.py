"""A process of nginx that is held where it opens a file."""

import os
import subprocess

from wait import wait_for

LIBRARY = r"""
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static pid_t  master;

static void __attribute__((constructor))
begin(void)
{
    master = getpid();
}

static int
held(const char *function, const char *path, int flags, int mode)
{
    size_t  n = strlen(path), len = strlen(NAME);

    if (getpid() != master && n >= len && strcmp(path + n - len, NAME) == 0
        && rename(FOLDER "/hold", FOLDER "/held") == 0)
    {
        FILE  *f = fopen(FOLDER "/held", "w");

        if (f) {
            fprintf(f, "%d\n", (int) getpid());
            fclose(f);
        }

        while (access(FOLDER "/held", F_OK) == 0) {
            usleep(1000);
        }
    }

    return ((int (*)(const char *, int, ...)) dlsym(RTLD_NEXT, function))(
               path, flags, mode);
}

#define OPEN(name)                                                            \
    int                                                                       \
    name(const char *path, int flags, ...)                                    \
    {                                                                         \
        int      mode = 0;                                                    \
        va_list  args;                                                        \
                                                                              \
        if (flags & O_CREAT) {                                                \
            va_start(args, flags);                                            \
            mode = va_arg(args, int);                                         \
            va_end(args);                                                     \
        }                                                                     \
                                                                              \
        return held(#name, path, flags, mode);                                \
    }

OPEN(open)
OPEN(open64)
"""


class HeldOpen:
    """From hold() on the first thread of any worker that is about to open a
    file of that name waits for release().  `library' is nginx's preload."""

    def __init__(self, folder, name):
        self._hold = os.path.join(folder, "hold")
        self._held = os.path.join(folder, "held")
        self.library = os.path.join(folder, "held.so")
        subprocess.run(["cc", "-shared", "-fPIC", "-O0", "-D_GNU_SOURCE",
                        '-DFOLDER="%s"' % folder, '-DNAME="%s"' % name,
                        "-xc", "-o", self.library, "-"],
                       input=LIBRARY, text=True, check=True)

    def hold(self):
        with open(self._hold, "w"):
            pass

    def wait(self):
        """Returns the pid of the worker."""

        def pid():
            try:
                with open(self._held) as f:
                    line = f.readline()
            except FileNotFoundError:
                return None
            return line.endswith("\n") and int(line)

        return wait_for(pid, 20, "a worker that opens the file")

    def release(self):
        os.unlink(self._held)
