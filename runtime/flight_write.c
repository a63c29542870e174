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

/*  Those that can be read, oldest first.  */
static uint32_t
collect(const flight_t *flight, uint64_t end, flight_note_t notes[FLIGHT_KEPT])
{
    uint32_t n = 0;
    for (uint64_t i = end > FLIGHT_KEPT ? end - FLIGHT_KEPT : 0; i < end; i++)
        n += flight_read(flight, i, &notes[n]);
    return n;
}

bool
flight_write_actor(int fd, const char *name, const char *busy, const flight_t *flight)
{
    flight_note_t notes[FLIGHT_KEPT];
    flight_section_t section = {.mark = {'A', 'C', 'T', 'R'}, .count = flight_count(flight)};
    memcpy(section.actor, name, strnlen(name, sizeof section.actor - 1));
    if (busy)
        memcpy(section.busy, busy, strnlen(busy, sizeof section.busy - 1));
    section.n = collect(flight, section.count, notes);
    return write_all(fd, &section, sizeof section)
           && write_all(fd, notes, section.n * sizeof *notes);
}

bool
flight_write_end(int fd)
{
    const flight_section_t end = {.mark = {'E', 'N', 'D', '.'}};
    return write_all(fd, &end, sizeof end);
}
