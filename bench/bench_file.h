/*
 * bench_file.h - a file of rows in COPY's text form, held in memory so that reading it is not
 * measured.
 */
#ifndef BENCH_FILE_H
#define BENCH_FILE_H

#include <stddef.h>

struct bench_line {
	char *p;
	size_t n; /* without the newline */
};

struct bench_file {
	char *p;
	size_t n;
	struct bench_line *lines;
	size_t nlines;
};

/* Ends the program with 1 and a message when the file cannot be had whole: a measurement over half
 * a file is none. */
void bench_file_read(struct bench_file *f, const char *path);

/* Ends the program with 1. */
void bench_die(const char *what, const char *why) __attribute__((noreturn));

#endif
