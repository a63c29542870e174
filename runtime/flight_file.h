/*  flight_file - the last messages of all actors of a process, in a file.

    Written when it crashes, when an actor is stuck, and on request; `waybill tap postmortem`
    reads it. Structs as they are here, one after the other, numbers in the byte order of the
    machine that wrote them: a head; then for each actor a section and its n notes, oldest
    first; then a section whose mark is END. A file without that is cut short: what is there
    can still be read.  */

#pragma once

#include "runtime/flight.h"

#define FLIGHT_MAGIC "WBFLIGHT"
#define FLIGHT_SECTION "ACTR"
#define FLIGHT_END "END."
enum { FLIGHT_VERSION = 1, FLIGHT_FILE_LIMIT = 64 << 20 };

typedef struct flight_head {
    char magic[8];
    uint32_t version;
    uint32_t note_size; /* bytes of a note */
    uint64_t pid;
    int64_t wall_us; /* since 1970, at the same moment as now_ns */
    uint64_t now_ns; /* monotonic, as the times of the notes */
    int32_t signal;  /* that ended the process; 0: none */
    uint32_t unused;
    char role[32];    /* agent or server */
    char release[32]; /* of Waybill */
    char actor[72];   /* who is stuck; empty: nobody */
} flight_head_t;

typedef struct flight_section {
    char mark[4];
    uint32_t n;     /* notes that follow; those with an impossible point are none */
    uint64_t count; /* notes ever made */
    char actor[72];
    char busy[72]; /* message or callback it was in; empty: none */
} flight_section_t;

/*  ------------------------------------------------------------------------- reading  */

typedef struct flight_actor {
    const char *name, *busy;
    uint64_t count;
    const flight_note_t *notes; /* oldest first */
    size_t n;
} flight_actor_t;

typedef struct flight_story {
    const flight_head_t *head;
    flight_actor_t *actors;
    size_t n;
    bool cut; /* the file ends too early */
} flight_story_t;

/*  Whatever the bytes are: names are printable, points, kinds and errors exist. ERR_MALFORMED
    and fault if it is not such a file. The story lives in arena, and not in bytes.  */
CHECKED err_t flight_unpack(bytes_t bytes, arena_t *arena, flight_story_t *story,
                            fault_t *fault);
CHECKED err_t flight_load(const char *path, arena_t *arena, flight_story_t *story,
                          fault_t *fault);

/*  ------------------------------------------------------------------------- writing  */

/*  Head, actors, end, in this order; a signal handler may. False: the
    system refused, errno tells why. Of the head all but magic, version and note_size is to be
    filled in.  */
bool flight_write_head(int fd, flight_head_t *head);
bool flight_write_actor(int fd, const char *name, const char *busy, const flight_t *flight);
bool flight_write_end(int fd);
