/*  flight_fuzz - a file of last messages may hold anything: what is read from it can be shown.
 */

#include "runtime/flight_file.h"

#include <assert.h>
#include <string.h>

/* NOLINTNEXTLINE(readability-identifier-naming): libFuzzer calls it by that name */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
look_at_text(const char *text, size_t room)
{
    assert(strlen(text) < room);
    for (; *text; text++)
        assert(*text >= ' ' && *text <= '~');
}

static void
look_at_actor(const flight_actor_t *actor)
{
    look_at_text(actor->name, sizeof(((flight_section_t *) NULL)->actor));
    look_at_text(actor->busy, sizeof(((flight_section_t *) NULL)->busy));
    assert(actor->n <= FLIGHT_KEPT);
    for (size_t i = 0; i < actor->n; i++) {
        const flight_note_t *note = &actor->notes[i];
        look_at_text(note->peer, sizeof note->peer);
        look_at_text(note->type, sizeof note->type);
        assert(note->point < TAP_POINT_COUNT && note->kind < ENVELOPE_KIND_COUNT);
        assert(note->err < ERR_COUNT);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    arena_t arena = {0};
    flight_story_t story;
    fault_t fault;
    if (flight_unpack((bytes_t){data, size}, &arena, &story, &fault) == OK) {
        look_at_text(story.head->role, sizeof story.head->role);
        look_at_text(story.head->actor, sizeof story.head->actor);
        for (size_t i = 0; i < story.n; i++)
            look_at_actor(&story.actors[i]);
    }
    arena_release(&arena);
    return 0;
}
