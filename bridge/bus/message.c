#include "message_table.h"

const char *msg_type_name(enum msg_type t)
{
	return (unsigned)t < MSG_TYPES ? type_words[t] : "?";
}

const char *msg_status_name(enum msg_status s)
{
	return (unsigned)s <= RCPT_PROGRESS ? status_words[s] : "?";
}

bool msg_has_cap(const struct msg *m, struct br_str word)
{
	for (size_t i = 0; i < m->caps.n;) {
		size_t end = i;

		while (end < m->caps.n && m->caps.p[end] != ' ')
			end++;
		if (br_str_eq((struct br_str){m->caps.p + i, end - i}, word))
			return true;
		i = end + 1;
	}
	return false;
}
