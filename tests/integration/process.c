#include "tests/integration/process.h"

#include "tests/orphan.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ARGUMENTS_ROOM = 24 };

/*  A test that cannot even prepare is over.  */
static void
must(bool good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "test: %s: %s\n", what, strerror(errno));
    exit(99);
}

char *
directory_new(void)
{
    char *path =
        mem_format("%s/waybill-test.XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
    must(mkdtemp(path) != NULL, path);
    return path;
}

static int
remove_one(const char *path, const struct stat *about, int type, struct FTW *place)
{
    (void) about;
    (void) type;
    (void) place;
    return remove(path);
}

void
directory_destroy(char **self)
{
    if (*self)
        nftw(*self, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(*self);
    *self = NULL;
}

char *
path_in(const char *dir, const char *name)
{
    return mem_format("%s/%s", dir, name);
}

void
write_file(const char *path, const char *text)
{
    FILE *out = fopen(path, "w");
    must(out && fputs(text, out) >= 0 && fclose(out) == 0, path);
}

/*  Never returns.  */
static void
become_program(const char *const *arguments)
{
    char *argv[ARGUMENTS_ROOM] = {mem_text(WAYBILL)};
    for (size_t i = 0; arguments[i] && i < ARGUMENTS_ROOM - 2; i++)
        argv[i + 1] = mem_text(arguments[i]);
    execv(WAYBILL, argv);
    must(false, WAYBILL);
}

static int
wait_status(pid_t pid)
{
    int status = 0;
    must(waitpid(pid, &status, 0) == pid, "waitpid");
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/*  ------------------------------------------------------------ a verb that ends  */

static char *
read_all(FILE *in)
{
    buffer_t text = {0};
    char piece[4096];
    rewind(in);
    for (size_t n; (n = fread(piece, 1, sizeof piece, in)) > 0;)
        buffer_add(&text, piece, n);
    fclose(in);
    char *all = mem_text(buffer_text(&text));
    buffer_release(&text);
    return all;
}

/*  Through files: neither side can block the other.  */
outcome_t
run_verb(const char *input, const char *const *arguments)
{
    FILE *in = tmpfile(), *out = tmpfile(), *err = tmpfile();
    must(in && out && err, "tmpfile");
    fputs(input ? input : "", in);
    rewind(in);

    pid_t pid = fork_bound();
    if (pid == 0) {
        dup2(fileno(in), STDIN_FILENO);
        dup2(fileno(out), STDOUT_FILENO);
        dup2(fileno(err), STDERR_FILENO);
        become_program(arguments);
    }
    int status = wait_status(pid);
    fclose(in);
    return (outcome_t){.status = status, .out = read_all(out), .err = read_all(err)};
}

void
outcome_release(outcome_t *self)
{
    free(self->out);
    free(self->err);
    *self = (outcome_t){0};
}

/*  --------------------------------------------------------- a verb that goes on  */

process_t *
process_new(const char *log, prepare_fn *prepare, const char *const *arguments)
{
    int ends[2];
    must(pipe2(ends, O_CLOEXEC) == 0, "pipe");
    process_t *self = mem_new(sizeof *self);
    self->pid = fork_bound();
    if (self->pid == 0) {
        int fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        must(fd >= 0, log);
        dup2(ends[1], STDOUT_FILENO);
        dup2(fd, STDERR_FILENO);
        if (prepare)
            prepare();
        become_program(arguments);
    }
    close(ends[1]);
    self->out = fdopen(ends[0], "r");
    return self;
}

bool
process_await_ready(process_t *self)
{
    size_t room = 0;
    ssize_t n = getline(&self->ready, &room, self->out);
    if (n > 0)
        self->ready[strcspn(self->ready, "\n")] = '\0';
    return n > 0;
}

long
process_resident_kb(const process_t *self)
{
    char path[64], line[256];
    long kb = 0;
    (void) snprintf(path, sizeof path, "/proc/%d/status", (int) self->pid);
    FILE *in = fopen(path, "r");
    must(in != NULL, path);
    while (fgets(line, sizeof line, in))
        if (strncmp(line, "VmRSS:", 6) == 0)
            kb = strtol(line + 6, NULL, 10);
    fclose(in);
    return kb;
}

int
process_end(process_t *self, int signal)
{
    if (signal != 0)
        kill(self->pid, signal);
    int status = wait_status(self->pid);
    self->pid = 0;
    return status;
}

void
process_destroy(process_t **self_p)
{
    process_t *self = *self_p;
    if (!self)
        return;
    if (self->pid > 0)
        process_end(self, SIGKILL);
    fclose(self->out);
    free(self->ready);
    free(self);
    *self_p = NULL;
}
