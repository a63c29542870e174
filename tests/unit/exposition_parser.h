/*  exposition_parser - reads what Prometheus would, and is as strict as it can be: every line
   is a HELP, a TYPE or a sample of the family that was announced last; families and samples
   come once; histograms are cumulative, end with +Inf, and have a sum and a count.  */

#pragma once

#include "schemas/base.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { FAMILIES = 200, SERIES = 20000, TEXT_ROOM = 256 };

typedef struct sample {
    char name[TEXT_ROOM];
    char labels[TEXT_ROOM]; /* all but le */
    char le[TEXT_ROOM];
    double value;
} sample_t;

typedef struct exposition {
    char families[FAMILIES][TEXT_ROOM];
    char type[TEXT_ROOM]; /* of the last family */
    bool helped;          /* its TYPE is still to come */
    size_t n_families, n_samples;
    sample_t before;
    char *seen[SERIES]; /* name{labels} */
} exposition_t;

static inline const char *
read_name(const char *at, char name[TEXT_ROOM])
{
    size_t n = 0;
    while (isalnum((unsigned char) at[n]) || at[n] == '_' || at[n] == ':')
        n++;
    if (n == 0 || n >= TEXT_ROOM || isdigit((unsigned char) at[0]))
        fail_msg("no name: %.80s", at);
    memcpy(name, at, n);
    name[n] = '\0';
    return at + n;
}

/*  name="value" with nothing to be escaped in it, as all of ours are.  */
static inline const char *
read_labels(const char *at, sample_t *sample)
{
    char name[TEXT_ROOM];
    while (*at != '}') {
        const char *from = at;
        at = read_name(at, name);
        if (strncmp(at, "=\"", 2) != 0)
            fail_msg("no value: %.80s", at);
        const size_t size = strcspn(at + 2, "\"\\\n");
        if (at[2 + size] != '"')
            fail_msg("an escape: %.80s", at);
        if (strcmp(name, "le") == 0)
            (void) snprintf(sample->le, TEXT_ROOM, "%.*s", (int) size, at + 2);
        else
            strncat(sample->labels, from, (size_t) (at + size + 3 - from));
        at += size + 3;
        if (*at != ',' && *at != '}')
            fail_msg("no comma: %.80s", at);
        at += *at == ',';
    }
    return at + 1;
}

static inline sample_t
read_sample(const char *line)
{
    sample_t sample = {0};
    char *end = NULL;
    const char *at = read_name(line, sample.name);
    if (*at == '{')
        at = read_labels(at + 1, &sample);
    if (*at != ' ' || isspace((unsigned char) at[1]))
        fail_msg("no blank before the value: %s", line);
    sample.value = strtod(at + 1, &end);
    if (end == at + 1 || *end != '\0' || sample.value < 0)
        fail_msg("no value: %s", line);
    return sample;
}

/*  ------------------------------------------------------------------------ families  */

static inline void
begin_family(exposition_t *self, const char *name)
{
    for (size_t i = 0; i < self->n_families; i++)
        if (strcmp(self->families[i], name) == 0)
            fail_msg("%s comes twice", name);
    assert_true(self->n_families < FAMILIES && !self->helped);
    memcpy(self->families[self->n_families++], name, TEXT_ROOM);
    self->helped = true;
}

static inline void
take_comment(exposition_t *self, const char *line)
{
    static const char *const types[] = {"counter", "gauge", "histogram"};
    char name[TEXT_ROOM];
    const char *rest = read_name(line + strlen("# HELP "), name);
    if (strncmp(line, "# HELP ", 7) == 0) {
        begin_family(self, name);
        assert_true(rest[0] == ' ' && rest[1] != '\0' && strchr(rest, '\\') == NULL);
        return;
    }
    assert_int_equal(strncmp(line, "# TYPE ", 7), 0);
    assert_true(self->helped);
    assert_string_equal(name, self->families[self->n_families - 1]);
    self->helped = false;
    self->type[0] = '\0';
    for (size_t i = 0; i < COUNT_OF(types); i++)
        if (strcmp(rest + 1, types[i]) == 0)
            (void) snprintf(self->type, TEXT_ROOM, "%s", types[i]);
    assert_string_not_equal(self->type, "");
    const size_t size = strlen(name);
    const bool total = size > 6 && strcmp(name + size - 6, "_total") == 0;
    assert_int_equal(total, strcmp(self->type, "counter") == 0);
    assert_int_equal(strncmp(name, "waybill_", 8), 0);
}

/*  What comes behind the name of the family in that of the sample.  */
static inline const char *
suffix_of(const exposition_t *self, const sample_t *sample)
{
    const char *family = self->families[self->n_families - 1];
    if (self->n_families == 0 || strncmp(sample->name, family, strlen(family)) != 0)
        fail_msg("%s is not of the family %s", sample->name, family);
    return sample->name + strlen(family);
}

static inline void
check_histogram(const exposition_t *self, const sample_t *sample, const char *suffix)
{
    const sample_t *before = &self->before;
    const bool same = strcmp(before->labels, sample->labels) == 0;
    const bool follows = same && before->le[0] != '\0' && strcmp(before->le, "+Inf") != 0;
    if (strcmp(suffix, "_bucket") == 0) {
        assert_string_not_equal(sample->le, "");
        assert_true(!follows || sample->value >= before->value);
        assert_true(!follows || strtod(sample->le, NULL) > strtod(before->le, NULL));
    } else if (strcmp(suffix, "_sum") == 0)
        assert_string_equal(before->le, "+Inf");
    else
        assert_string_equal(suffix, "_count");
}

static inline void
take_sample(exposition_t *self, const char *line)
{
    const sample_t sample = read_sample(line);
    const char *suffix = suffix_of(self, &sample);
    assert_false(self->helped);
    if (strcmp(self->type, "histogram") == 0)
        check_histogram(self, &sample, suffix);
    else if (suffix[0] != '\0' || sample.le[0] != '\0')
        fail_msg("%s is of no histogram", line);
    char *series = mem_format("%s{%s,%s}", sample.name, sample.labels, sample.le);
    for (size_t i = 0; i < self->n_samples; i++)
        if (strcmp(self->seen[i], series) == 0)
            fail_msg("%s comes twice", series);
    assert_true(self->n_samples < SERIES);
    self->seen[self->n_samples++] = series;
    self->before = sample;
}

/*  Gives the number of samples; what does not fit the format ends the test.  */
static inline size_t
check_exposition(const char *text)
{
    exposition_t *self = mem_new(sizeof *self);
    assert_true(text[0] != '\0' && text[strlen(text) - 1] == '\n');
    for (const char *at = text; *at != '\0';) {
        char *line = mem_format("%.*s", (int) strcspn(at, "\n"), at);
        at += strlen(line) + 1;
        if (line[0] == '#')
            take_comment(self, line);
        else
            take_sample(self, line);
        free(line);
    }
    const size_t n = self->n_samples;
    for (size_t i = 0; i < n; i++)
        free(self->seen[i]);
    free(self);
    return n;
}

/*  The value of that series; -1 if there is none.  */
static inline double
value_of(const char *text, const char *series)
{
    const size_t size = strlen(series);
    for (const char *at = text; at; at = strchr(at, '\n')) {
        at += *at == '\n';
        if (strncmp(at, series, size) == 0 && at[size] == ' ')
            return strtod(at + size + 1, NULL);
    }
    return -1;
}
