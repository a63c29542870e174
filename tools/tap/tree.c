/*  tap tree - the actors, what they hear, and the links between them.  */

#include "tools/measure.h"
#include "tools/show.h"
#include "tools/tap/asking.h"
#include "tools/tap/tap.h"
#include "tools/tap/tree_text.h"

static int
tree(args_t *args)
{
    joined_t joined = {0};
    int status;
    if (!joined_read(args, 0, 0, &joined, &status))
        return status;
    kept_t answer = {0};
    buffer_t text = {0};
    bool good = asking_once(joined.run_dir, QUESTION(tree_get, tree), &answer);
    if (good && joined.json)
        tree_to_json(answer.body, &text);
    else if (good)
        tree_draw(answer.body, wall_ms(), show_is_coloured(stdout), &text);
    fputs(buffer_text(&text), stdout);
    buffer_release(&text);
    kept_release(&answer);
    return good ? STATUS_DONE : STATUS_NO;
}

const verb_t tap_tree = {
    .name = "tap tree",
    .summary = "the actors, what they hear, and the links between them",
    .usage =
        "usage: waybill tap tree [--json] [--run-dir DIR]\n\n"
        "Draws the process: its actors by kind (built in, plug-ins in threads or processes of\n"
        "their own, programs that joined), the state of each, the events it hears, and the\n"
        "links over which it has sent: how many messages so far, how many more it may send\n"
        "before some of them are done (credit), and how many wait for that.\n\n"
        "  --json          one JSON object a line: the process, its actors, its "
        "links\n" RUN_DIR_USAGE "\nExit status 1: no process answers.\n",
    .run = tree,
};
