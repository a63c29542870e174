/*  figures_text - figures as tables of 79 columns, or as JSON lines.  */

#pragma once

#include "tools/tap/figures.h"

/*  Each is a line with its newline; the heads say what stands in the columns.  */
void actor_head(bool rates, bool coloured, buffer_t *out);
void actor_line(const actor_figures_t *actor, bool coloured, buffer_t *out);
void type_head(bool rates, bool coloured, buffer_t *out);
void type_line(const type_figures_t *type, bool coloured, buffer_t *out);
/*  Nothing for a metric that is zero.  */
void metric_line(const metric_figures_t *metric, bool rates, buffer_t *out);

/*  All three tables.  */
void figures_print(const figures_t *self, bool coloured, buffer_t *out);
/*  One object a line for each actor, type and metric.  */
void figures_to_json(const figures_t *self, buffer_t *out);
