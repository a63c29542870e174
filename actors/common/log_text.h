/*  log_text - a line of the log as it is written: for people, or as one JSON object.

    Texts may quote anything, also what a stranger sent: whatever is not a plain character is
    escaped, so that nobody can forge a line or steer a terminal.  */

#pragma once

#include "schemas/message.h"

/*  TIME LEVEL actor text  */
void log_text_plain(const log_line_t *line, buffer_t *out);
/*  {"time": ..., "level": ..., "actor": ..., "text": ...}, and change, trace and lost where
    they are known.  */
void log_text_json(const log_line_t *line, buffer_t *out);
