#include "bench_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void bench_die(const char *what, const char *why)
{
	fprintf(stderr, "%s: %s\n", what, why);
	exit(1);
}

static void split(struct bench_file *f)
{
	char *at = f->p, *end = f->p + f->n;
	size_t room = 0;

	for (char *p = at; p < end; p++)
		room += *p == '\n';
	f->lines = calloc(room + 1, sizeof(*f->lines));
	if (!f->lines)
		bench_die("lines", strerror(errno));
	while (at < end) {
		char *newline = memchr(at, '\n', (size_t)(end - at));
		char *stop = newline ? newline : end;

		f->lines[f->nlines++] = (struct bench_line){at, (size_t)(stop - at)};
		at = stop + 1;
	}
}

void bench_file_read(struct bench_file *f, const char *path)
{
	FILE *in = fopen(path, "rb");
	long size;

	memset(f, 0, sizeof(*f));
	if (!in || fseek(in, 0, SEEK_END) || (size = ftell(in)) < 0 || fseek(in, 0, SEEK_SET))
		bench_die(path, strerror(errno));
	f->n = (size_t)size;
	f->p = malloc(f->n + 1);
	if (!f->p || fread(f->p, 1, f->n, in) != f->n)
		bench_die(path, "cannot be read whole");
	fclose(in);
	f->p[f->n] = '\0';
	split(f);
}
