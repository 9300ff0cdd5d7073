#include "check_private.h"

static char check_char(const char *id)
{
	static const unsigned char weight[17] = {
		7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2};
	unsigned sum = 0;

	for (unsigned i = 0; i < 17; i++)
		sum += weight[i] * (unsigned)(id[i] - '0');
	return "10X98765432"[sum % 11];
}

/* Address code (its first digit is never 0), birth date, serial number: all but the check
 * character. */
static bool body_ok(const char *id)
{
	return check_digits(id, 17) && id[0] != '0' &&
	       check_calendar(
		       check_number(id + 6, 4), check_number(id + 10, 2), check_number(id + 12, 2));
}

bool check_citizen_id(struct br_str id)
{
	return id.n == 18 && body_ok(id.p) && id.p[17] == check_char(id.p);
}

bool check_citizen_id_normalise(struct br_str in, char out[19])
{
	char text[18], id[19];
	size_t n = check_narrow(in, "", text, sizeof(text));

	if (n == 15) {
		memcpy(id, text, 6);
		memcpy(id + 6, "19", 2);
		memcpy(id + 8, text + 6, 9);
		if (!check_digits(text, 15) || !body_ok(id))
			return false;
		id[17] = check_char(id);
	} else if (n == 18) {
		memcpy(id, text, 18);
		if (!check_citizen_id((struct br_str){id, 18}))
			return false;
	} else {
		return false;
	}
	id[18] = '\0';
	memcpy(out, id, sizeof(id));
	return true;
}

void check_citizen_id_birth(struct br_str id, char out[11])
{
	memcpy(out, id.p + 6, 4);
	out[4] = '-';
	memcpy(out + 5, id.p + 10, 2);
	out[7] = '-';
	memcpy(out + 8, id.p + 12, 2);
	out[10] = '\0';
}

bool check_citizen_id_male(struct br_str id)
{
	return (id.p[16] - '0') & 1;
}
