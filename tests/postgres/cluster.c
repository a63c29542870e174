#include "tests/postgres/cluster.h"

#include "tests/orphan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { TOOL_ROOM = 32 };

static cluster_t *everybodys;

/*  ----------------------------------------------------------- tools/postgres  */

static void
become_tool(const char *verb, const char *dir, const char *const *options)
{
    char *argv[TOOL_ROOM] = {mem_text(POSTGRES_TOOL), mem_text(verb), mem_text(dir)};
    for (size_t i = 0; options && options[i] && i < TOOL_ROOM - 4; i++)
        argv[i + 3] = mem_text(options[i]);
    execv(POSTGRES_TOOL, argv);
    perror(POSTGRES_TOOL);
    _exit(99);
}

/*  The line that it printed, or NULL if it failed.  */
static char *
ask_tool(const char *verb, const char *dir, const char *const *options)
{
    int status = 0;
    size_t room = 0;
    char *line = NULL;
    FILE *out = tmpfile();
    assert_non_null(out);
    const pid_t pid = fork_bound();
    assert_true(pid >= 0);
    if (pid == 0) {
        dup2(fileno(out), STDOUT_FILENO);
        become_tool(verb, dir, options);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    rewind(out);
    const bool printed = getline(&line, &room, out) >= 0;
    char *answer = status == 0 ? mem_text(printed ? line : "") : NULL;
    if (answer)
        answer[strcspn(answer, "\n")] = '\0';
    fclose(out);
    free(line);
    return answer;
}

static char *
tell_tool(const char *verb, const cluster_t *self, const char *const *options)
{
    char *line = ask_tool(verb, self->dir, options);
    if (!line)
        fail_msg("tools/postgres %s %s failed", verb, self->dir);
    return line;
}

/*  ----------------------------------------------------------------- clusters  */

static const char *
scratch_dir(void)
{
    const char *place = getenv("TMPDIR");
    return place && *place ? place : "/tmp";
}

/*  The last option ends it with the test, also when that dies.  */
static void
make_cluster(cluster_t *self, const char *const *options)
{
    char pid[16];
    const char *all[TOOL_ROOM] = {"--while", pid};
    (void) snprintf(pid, sizeof pid, "%d", (int) getpid());
    for (size_t i = 0; options[i] && i < TOOL_ROOM - 3; i++)
        all[i + 2] = options[i];
    self->address = tell_tool("start", self, all);
}

cluster_t *
cluster_new(const char *const *options)
{
    cluster_t *self = mem_new(sizeof *self);
    self->dir = mem_format("%s/waybill-cluster-XXXXXX", scratch_dir());
    assert_non_null(mkdtemp(self->dir));
    make_cluster(self, options);
    return self;
}

static pid_t
parent_of(pid_t pid)
{
    char path[64], line[512] = "";
    int parent = 0;
    (void) snprintf(path, sizeof path, "/proc/%d/stat", (int) pid);
    FILE *in = fopen(path, "r");
    if (!in)
        return 0;
    if (fgets(line, sizeof line, in) && strrchr(line, ')'))
        (void) sscanf(strrchr(line, ')'), ") %*c %d", &parent);
    fclose(in);
    return parent;
}

/*  Of the ctest that runs this test, perhaps with a shell between; tests/postgres/fixture names
    it.  */
static char *
fixture_dir(void)
{
    for (pid_t pid = getppid(); pid > 1; pid = parent_of(pid)) {
        char *dir = mem_format("%s/waybill-postgres.%u.%d", scratch_dir(), (unsigned) getuid(),
                               (int) pid);
        if (access(dir, F_OK) == 0)
            return dir;
        free(dir);
    }
    return NULL;
}

static void
forget_everybodys(void)
{
    everybodys->shared = false;
    cluster_destroy(&everybodys);
}

cluster_t *
cluster_shared(void)
{
    const char *named = getenv("WAYBILL_CLUSTER");
    if (everybodys)
        return everybodys;
    char *dir = named ? mem_text(named) : fixture_dir();
    if (!dir) {
        everybodys = CLUSTER(NULL);
        atexit(forget_everybodys);
    } else {
        everybodys = mem_new(sizeof *everybodys);
        everybodys->dir = dir;
        everybodys->address = tell_tool("address", everybodys, NULL);
    }
    everybodys->shared = true;
    return everybodys;
}

void
cluster_destroy(cluster_t **self_p)
{
    cluster_t *self = *self_p;
    if (!self || self->shared)
        return;
    free(ask_tool("remove", self->dir, NULL));
    free(self->dir);
    free(self->address);
    free(self);
    *self_p = NULL;
}

void
cluster_start(cluster_t *self)
{
    free(tell_tool("start", self, NULL));
}

void
cluster_stop(cluster_t *self, bool immediate)
{
    const char *const options[] = {"--immediate", NULL};
    free(tell_tool("stop", self, immediate ? options : NULL));
}

void
cluster_promote(cluster_t *self)
{
    free(tell_tool("promote", self, NULL));
}

void
cluster_replace(cluster_t *self, cluster_t *other)
{
    const char *colon = strrchr(other->address, ':');
    char *port = mem_format("%.*s", (int) strcspn(colon + 1, "/"), colon + 1);
    const char *const options[] = {"--port", port, NULL};
    cluster_stop(other, false);
    cluster_stop(self, false);
    free(self->address);
    self->address = tell_tool("start", self, options);
    free(port);
}

char *
cluster_address(const cluster_t *self, const char *database)
{
    const char *slash = strrchr(self->address, '/');
    return mem_format("%.*s/%s", (int) (slash - self->address), self->address, database);
}
