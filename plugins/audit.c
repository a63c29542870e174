/*  audit - writes down what became of every change, one JSON object a line.

    Hears  changes_processed, of an agent.

    A line is {"time", "message", "change": {...}, "lsn"}: the change as the event lists it, and
   the id of the message that told. Lines are on disk before the message is done. What is told
   again after a crash is known by its id: only the lines that are missing are written. When the
   file has grown to max_bytes it becomes FILE.1, the one before FILE.2, and so on; the oldest
   of keep files goes.  */

#include <waybill/plugin.h>

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/*  TAIL: bytes at the file's end in which lines that are told again are looked for; a round is
    much smaller.  */
enum { ID_SIZE = WAYBILL_UUID_TEXT, TAIL = 1 << 20, NAME_MOST = PATH_MAX - 32 };

/*  A message of which so many lines are on disk.  */
typedef struct told {
    char id[ID_SIZE];
    size_t n;
} told_t;

typedef struct audit {
    const waybill_host_t *host;
    const char *file;
    int fd; /* 0: none */
    long long max_bytes, keep;
    char *lines; /* of this round */
    size_t size;
    FILE *out;    /* writes them */
    told_t *told; /* as the files ended when we started */
    size_t n_told;
} audit_t;

/*  ------------------------------------------------------------------------- the file  */

static int
complain(audit_t *self, waybill_ctx_t *ctx, const char *what)
{
    char text[PATH_MAX + 100];
    (void) snprintf(text, sizeof text, "%s: %s: %s", self->file, what, strerror(errno));
    return self->host->fail(ctx, text);
}

static int
open_file(audit_t *self)
{
    self->fd = open(self->file, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (self->fd >= 0)
        return 0;
    self->fd = 0;
    return -1;
}

/*  A crash may have cut the last line short: it was not done, and comes again.  */
static int
cut_half_line(audit_t *self, char *tail, size_t size, off_t start)
{
    while (size > 0 && tail[size - 1] != '\n')
        tail[--size] = '\0';
    return ftruncate(self->fd, start + (off_t) size);
}

static void
note_told(audit_t *self, const char *line)
{
    static const char key[] = "\"message\": \"";
    const char *id = strstr(line, key);
    if (id == NULL || strnlen(id, sizeof key + ID_SIZE) < sizeof key + ID_SIZE - 2)
        return;
    id += sizeof key - 1;
    told_t *last = self->n_told > 0 ? &self->told[self->n_told - 1] : NULL;
    if (last != NULL && strncmp(last->id, id, ID_SIZE - 1) == 0) {
        last->n++;
        return;
    }
    self->told = realloc(self->told, (self->n_told + 1) * sizeof *self->told);
    if (self->told == NULL)
        abort();
    last = &self->told[self->n_told++];
    *last = (told_t){.n = 1};
    memcpy(last->id, id, ID_SIZE - 1);
}

/*  Gives the tail, to be freed, and where it begins; NULL: it cannot be read.  */
static char *
read_tail(int fd, off_t *start, size_t *size)
{
    struct stat about;
    if (fstat(fd, &about) != 0)
        return NULL;
    *start = about.st_size > TAIL ? about.st_size - TAIL : 0;
    char *tail = calloc(TAIL + 1, 1);
    const ssize_t n = tail ? pread(fd, tail, TAIL, *start) : -1;
    *size = n > 0 ? (size_t) n : 0;
    if (n >= 0)
        return tail;
    free(tail);
    return NULL;
}

static void
note_lines(audit_t *self, char *tail)
{
    char *rest = NULL;
    for (char *line = strtok_r(tail, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
        note_told(self, line);
}

/*  A crash may have come after the file was put aside, before its messages were done.  */
static void
look_at_older(audit_t *self)
{
    off_t start;
    size_t size;
    char path[PATH_MAX + 32];
    (void) snprintf(path, sizeof path, "%.*s.1", NAME_MOST, self->file);
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    char *tail = fd >= 0 ? read_tail(fd, &start, &size) : NULL;
    if (tail != NULL)
        note_lines(self, tail);
    free(tail);
    if (fd >= 0)
        close(fd);
}

static int
look_at_file(audit_t *self)
{
    off_t start;
    size_t size;
    char *tail = read_tail(self->fd, &start, &size);
    if (tail == NULL)
        return -1;
    const int rc = cut_half_line(self, tail, size, start);
    note_lines(self, tail);
    free(tail);
    return rc;
}

/*  FILE.keep-1 goes, each other one moves on, FILE becomes FILE.1.  */
static int
rotate(audit_t *self)
{
    char from[PATH_MAX + 32], to[PATH_MAX + 32];
    for (long long i = self->keep - 1; i >= 1; i--) {
        (void) snprintf(to, sizeof to, "%.*s.%lld", NAME_MOST, self->file, i);
        (void) snprintf(from, sizeof from, i > 1 ? "%.*s.%lld" : "%.*s", NAME_MOST, self->file,
                        i - 1);
        if (rename(from, to) != 0 && errno != ENOENT)
            return -1;
    }
    if (self->keep <= 1 && unlink(self->file) != 0)
        return -1;
    close(self->fd);
    return open_file(self);
}

/*  ------------------------------------------------------------------------------ life  */

static int
start(void *state, waybill_ctx_t *ctx, const waybill_host_t *host)
{
    audit_t *self = state;
    self->host = host;
    self->file = host->setting(ctx, "path");
    self->max_bytes = strtoll(host->setting(ctx, "max_bytes"), NULL, 10);
    self->keep = strtoll(host->setting(ctx, "keep"), NULL, 10);
    if (self->file[0] != '/' || strlen(self->file) > NAME_MOST)
        return host->fail(ctx, "path: give an absolute path");
    self->out = open_memstream(&self->lines, &self->size);
    if (self->out == NULL || open_file(self) != 0)
        return complain(self, ctx, "it cannot be written");
    look_at_older(self);
    if (look_at_file(self) != 0)
        return complain(self, ctx, "it cannot be written");
    return WAYBILL_OK;
}

/*  Lines of that message that are on disk already.  */
static size_t
lines_of(const audit_t *self, const char *id)
{
    size_t n = 0;
    for (size_t i = 0; i < self->n_told; i++)
        n += strcmp(self->told[i].id, id) == 0 ? self->told[i].n : 0;
    return n;
}

static void
add_line(audit_t *self, const waybill_incoming_t *message, int64_t time, json_t *change,
         json_t *lsn)
{
    json_t *line = json_pack("{s:I, s:s, s:O}", "time", (json_int_t) time, "message",
                             message->id, "change", change);
    if (lsn != NULL)
        json_object_set(line, "lsn", lsn);
    json_dumpf(line, self->out, JSON_ENSURE_ASCII);
    fputc('\n', self->out);
    json_decref(line);
}

static int
on_message(void *state, waybill_ctx_t *ctx, const waybill_incoming_t *message)
{
    audit_t *self = state;
    size_t i;
    json_t *change;
    const size_t done = lines_of(self, message->id);
    const char *text = self->host->json(ctx, message->type, message->payload);
    json_t *event = text ? json_loads(text, 0, NULL) : NULL;
    if (event == NULL)
        return self->host->refuse(ctx, "MALFORMED", "it is no event that can be read");
    const int64_t time = self->host->wall_ms(ctx);
    json_array_foreach(json_object_get(event, "changes"), i, change) if (i >= done)
        add_line(self, message, time, change, json_object_get(event, "lsn"));
    json_decref(event);
    return WAYBILL_OK;
}

static int
write_all(int fd, const char *data, size_t size)
{
    while (size > 0) {
        const ssize_t wrote = write(fd, data, size);
        if (wrote < 0)
            return -1;
        data += wrote;
        size -= (size_t) wrote;
    }
    return 0;
}

static int
settle(void *state, waybill_ctx_t *ctx)
{
    audit_t *self = state;
    if (fflush(self->out) != 0)
        return complain(self, ctx, "no memory");
    if (self->size == 0)
        return WAYBILL_OK;
    if (write_all(self->fd, self->lines, self->size) != 0 || fdatasync(self->fd) != 0)
        return complain(self, ctx, "it cannot be written");
    rewind(self->out);
    if (lseek(self->fd, 0, SEEK_END) >= self->max_bytes && rotate(self) != 0)
        return complain(self, ctx, "it cannot be rotated");
    return WAYBILL_OK;
}

static void
stop(void *state, waybill_ctx_t *ctx)
{
    audit_t *self = state;
    (void) ctx;
    if (self->out)
        fclose(self->out);
    if (self->fd)
        close(self->fd);
    free(self->lines);
    free(self->told);
}

static const waybill_message_t messages[] = {
    {WAYBILL_HEARS, "changes_processed", NULL, WAYBILL_KNOWN, "what became of changes"},
    {0},
};

static const waybill_setting_t settings[] = {
    {"path", WAYBILL_TEXT_SETTING, NULL, "File to write, absolute path; made with mode 0600"},
    {"max_bytes", WAYBILL_NUMBER_SETTING, "16777216",
     "When it is that long, a new one is begun"},
    {"keep", WAYBILL_NUMBER_SETTING, "5", "Files kept, the present one among them"},
    {0},
};

static const waybill_plugin_t plugin = {
    .magic = WAYBILL_PLUGIN_MAGIC,
    .major = WAYBILL_PLUGIN_MAJOR,
    .minor = WAYBILL_PLUGIN_MINOR,
    .struct_size = sizeof(waybill_plugin_t),
    .build = WAYBILL_PLUGIN_BUILD,
    .name = "audit",
    .version = "1.0",
    .summary = "writes down what became of every change, as JSON Lines",
    .messages = messages,
    .settings = settings,
    .state_size = sizeof(audit_t),
    .start = start,
    .on_message = on_message,
    .settle = settle,
    .stop = stop,
};

const waybill_plugin_t *
waybill_plugin_v1(uint32_t host_major, uint32_t host_minor)
{
    (void) host_minor;
    return host_major == WAYBILL_PLUGIN_MAJOR ? &plugin : NULL;
}
