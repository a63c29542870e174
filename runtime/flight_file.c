#include "runtime/flight_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST_SECTIONS = 4096 };

/*  What is left of the file.  */
typedef struct rest {
    const uint8_t *at;
    size_t size;
} rest_t;

static bool
take(rest_t *self, void *out, size_t size)
{
    if (self->size < size)
        return false;
    memcpy(out, self->at, size);
    self->at += size;
    self->size -= size;
    return true;
}

/*  Ends a text within its room; what a terminal would obey becomes a question mark.  */
static void
make_text(char *text, size_t room)
{
    text[room - 1] = '\0';
    for (char *at = text; *at; at++)
        if (*at < ' ' || *at > '~')
            *at = '?';
}

/*  --------------------------------------------------------------------------- parts  */

static err_t
take_head(rest_t *rest, arena_t *arena, const flight_head_t **head_p, fault_t *fault)
{
    flight_head_t *head = arena_new(arena, sizeof *head);
    if (!take(rest, head, sizeof *head) || memcmp(head->magic, FLIGHT_MAGIC, 8) != 0)
        return fault_set(fault, ERR_MALFORMED, "it is not a file of last messages");
    if (head->version != FLIGHT_VERSION || head->note_size != sizeof(flight_note_t))
        return fault_set(fault, ERR_MALFORMED,
                         "it has version %u with notes of %u bytes; this waybill reads version "
                         "%d with notes of %zu: use the one that wrote it",
                         head->version, head->note_size, FLIGHT_VERSION, sizeof(flight_note_t));
    make_text(head->role, sizeof head->role);
    make_text(head->release, sizeof head->release);
    make_text(head->actor, sizeof head->actor);
    *head_p = head;
    return OK;
}

/*  False: there is no such point, kind or error.  */
static bool
is_plausible(const flight_note_t *note)
{
    return note->point < TAP_POINT_COUNT && note->kind < ENVELOPE_KIND_COUNT
           && note->err < ERR_COUNT;
}

/*  As many of the notes as are there and can be understood.  */
static void
take_notes(rest_t *rest, uint32_t n, arena_t *arena, flight_actor_t *actor)
{
    flight_note_t *notes = arena_new(arena, (n + 1) * sizeof *notes);
    actor->notes = notes;
    for (; n > 0 && take(rest, &notes[actor->n], sizeof *notes); n--) {
        flight_note_t *note = &notes[actor->n];
        make_text(note->peer, sizeof note->peer);
        make_text(note->type, sizeof note->type);
        actor->n += is_plausible(note);
    }
}

/*  False: this was the last one. *cut tells whether the file ended before its end.  */
static bool
take_section(rest_t *rest, arena_t *arena, flight_actor_t *actor, bool *cut)
{
    flight_section_t *section = arena_new(arena, sizeof *section);
    *cut = !take(rest, section, sizeof *section)
           || (memcmp(section->mark, FLIGHT_SECTION, 4) != 0
               && memcmp(section->mark, FLIGHT_END, 4) != 0)
           || section->n > FLIGHT_KEPT;
    if (*cut || memcmp(section->mark, FLIGHT_END, 4) == 0)
        return false;
    make_text(section->actor, sizeof section->actor);
    make_text(section->busy, sizeof section->busy);
    *actor = (flight_actor_t){
        .name = section->actor, .busy = section->busy, .count = section->count};
    take_notes(rest, section->n, arena, actor);
    return true;
}

err_t
flight_unpack(bytes_t bytes, arena_t *arena, flight_story_t *story, fault_t *fault)
{
    rest_t rest = {bytes.data, bytes.size};
    *story = (flight_story_t){0};
    err_t err = take_head(&rest, arena, &story->head, fault);
    if (err != OK)
        return err;
    size_t room = rest.size / sizeof(flight_section_t) + 1;
    room = room < MOST_SECTIONS ? room : MOST_SECTIONS;
    story->actors = arena_new(arena, room * sizeof *story->actors);
    while (story->n < room && take_section(&rest, arena, &story->actors[story->n], &story->cut))
        story->n++;
    return OK;
}

/*  ---------------------------------------------------------------------------- a file  */

static err_t
read_whole(int fd, const char *path, buffer_t *bytes, fault_t *fault)
{
    uint8_t part[1 << 16];
    ssize_t size;
    while ((size = read(fd, part, sizeof part)) > 0) {
        buffer_add(bytes, part, (size_t) size);
        if (bytes->size > FLIGHT_FILE_LIMIT)
            return fault_set(fault, ERR_TOO_LARGE, "%s: longer than any file of last messages",
                             path);
    }
    return size == 0 ? OK : fault_set(fault, ERR_IO, "%s: %s", path, strerrordesc_np(errno));
}

err_t
flight_load(const char *path, arena_t *arena, flight_story_t *story, fault_t *fault)
{
    fault_t why = {0};
    buffer_t bytes = {0};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return fault_set(fault, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "%s: %s", path,
                         strerrordesc_np(errno));
    err_t err = read_whole(fd, path, &bytes, fault);
    close(fd);
    if (err == OK && (err = flight_unpack(buffer_bytes(&bytes), arena, story, &why)) != OK)
        fault_set(fault, err, "%s: %s", path, why.text);
    buffer_release(&bytes);
    return err;
}
