/*  tree_text - the actors of a process and their links, drawn as a tree.  */

#pragma once

#include "schemas/message.h"

/*  wall_ms: now, for how long it has been up.  */
void tree_draw(const tree_t *tree, int64_t wall_ms, bool coloured, buffer_t *out);
/*  One object a line: the process, then its actors, then its links.  */
void tree_to_json(const tree_t *tree, buffer_t *out);
/*  What an actor is, takes, hears and sends, over several lines.  */
void actor_describe(const actor_info_t *actor, bool coloured, buffer_t *out);

/*  NULL: there is none of that name.  */
const actor_info_t *actor_named(const tree_t *tree, const char *name);
bool actor_takes(const actor_info_t *actor, const char *type);
/*  Is its state a cause for concern?  */
bool actor_is_well(const actor_info_t *actor);
