/*  filter - which records of the tap somebody wants to see.

    Given as on the command line: words, a list of them with commas between. All that are given
    must hold; of a list one is enough. What the tap itself asks and is told never passes,
   unless an actor is named that matches it.  */

#pragma once

#include "bus/tap_record.h"

/*  NULL: whatever it is.  */
typedef struct filter_words {
    const char *types, *not_types; /* patterns */
    const char *actors;            /* patterns; also ipc/NAME, a program that joined */
    const char *entity;            /* table or table/id */
    const char *change;            /* change id */
    const char *client;            /* client id */
    const char *kinds;             /* send, recv, done, dead */
} filter_words_t;

/*  For option_rule_t rules[].  */
#define FILTER_RULES(words)                                                                    \
    {"type", OPTION_TEXT, &(words)->types, 0, 0},                                              \
        {"not-type", OPTION_TEXT, &(words)->not_types, 0, 0},                                  \
        {"actor", OPTION_TEXT, &(words)->actors, 0, 0},                                        \
        {"entity", OPTION_TEXT, &(words)->entity, 0, 0},                                       \
        {"change", OPTION_TEXT, &(words)->change, 0, 0},                                       \
        {"client", OPTION_TEXT, &(words)->client, 0, 0},                                       \
    {                                                                                          \
        "kind", OPTION_TEXT, &(words)->kinds, 0, 0                                             \
    }
#define FILTER_USAGE                                                                           \
    "  --type LIST     only messages of these types, commas between: names, or srv_*\n"        \
    "                  and the like\n"                                                         \
    "  --not-type LIST all but these\n"                                                        \
    "  --actor LIST    only what these actors send and receive, and ipc/NAME, programs\n"      \
    "                  that joined\n"                                                          \
    "  --entity TABLE[/ID]  only what is about this table, or this row of it\n"                \
    "  --change ID     only what is about this change\n"                                       \
    "  --client ID     only what is about this client\n"                                       \
    "  --kind LIST     only these points in the life of a message: send, recv (it came\n"      \
    "                  in), done (it was handled), dead (it will not be delivered)\n"

/*  How the program joins when it asks on behalf of `waybill tap`; its pid follows.  */
#define TAP_NAME "ipc/tap-"

typedef struct filter filter_t;

/*  NULL, with a fault, if the words make no sense.  */
filter_t *filter_new(const filter_words_t *words, fault_t *fault);
void filter_destroy(filter_t **self);

/*  body: the unpacked payload, or NULL where there is none that we know. It learns which
    sessions are of the client.  */
bool filter_passes(filter_t *self, const tap_record_t *record, message_id_t id,
                   const void *body);

/*  The first word for actors that fits none of the process; NULL: there is none.  */
const char *filter_stranger(const filter_t *self, const tree_t *tree);

/*  Adds what it lets pass, a line for each condition.  */
void filter_explain(const filter_t *self, buffer_t *out);
/*  The same as the inside of a JSON object.  */
void filter_to_json(const filter_t *self, buffer_t *out);
