/*  Writing the last messages to a file: memory that is there, and write(2), nothing else.  */

#include "runtime/flight_file.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static bool
write_all(int fd, const void *data, size_t size)
{
    const char *at = data;
    while (size > 0) {
        ssize_t wrote = write(fd, at, size);
        if (wrote < 0 && errno != EINTR)
            return false;
        if (wrote > 0) {
            at += wrote;
            size -= (size_t) wrote;
        }
    }
    return true;
}

bool
flight_write_head(int fd, flight_head_t *head)
{
    memcpy(head->magic, FLIGHT_MAGIC, sizeof head->magic);
    head->version = FLIGHT_VERSION;
    head->note_size = sizeof(flight_note_t);
    return write_all(fd, head, sizeof *head);
}

/*  A few at a time: the stack of a signal handler is small. What the writer has come round to
   is written as a note that is none, so that their number is right.  */
static bool
write_notes(int fd, const flight_t *flight, uint64_t first, uint64_t end)
{
    flight_note_t notes[8];
    bool good = true;
    for (size_t n = 0; good && first < end; first++) {
        if (!flight_read(flight, first, &notes[n]))
            notes[n] = (flight_note_t){.point = UINT8_MAX};
        if (++n == COUNT_OF(notes) || first + 1 == end) {
            good = write_all(fd, notes, n * sizeof *notes);
            n = 0;
        }
    }
    return good;
}

bool
flight_write_actor(int fd, const char *name, const char *busy, const flight_t *flight)
{
    flight_section_t section = {.mark = {'A', 'C', 'T', 'R'}, .count = flight_count(flight)};
    memcpy(section.actor, name, strnlen(name, sizeof section.actor - 1));
    if (busy)
        memcpy(section.busy, busy, strnlen(busy, sizeof section.busy - 1));
    uint64_t first = section.count > FLIGHT_KEPT ? section.count - FLIGHT_KEPT : 0;
    section.n = (uint32_t) (section.count - first);
    return write_all(fd, &section, sizeof section)
           && write_notes(fd, flight, first, section.count);
}

bool
flight_write_end(int fd)
{
    const flight_section_t end = {.mark = {'E', 'N', 'D', '.'}};
    return write_all(fd, &end, sizeof end);
}
