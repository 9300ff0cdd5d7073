#include "portal_codes.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct code codes_state[] = {
	{"01", "草稿"},
	{"02", "收件"},
	{"03", "预受理"},
	{"04", "预受理退回"},
	{"05", "受理"},
	{"06", "补齐补正"},
	{"07", "不予受理"},
	{"08", "在办"},
	{"09", "挂起"},
	{"10", "办结"},
	{"11", "转报办结"},
	{"12", "作废办结"},
	{"13", "退件"},
	{"99", "其他"},
	{NULL, NULL},
};
const struct code codes_applicant_type[] = {
	{"1", "自然人"},
	{"2", "企业法人"},
	{"3", "事业法人"},
	{"4", "社会组织法人"},
	{"5", "行政机关"},
	{"6", "其他组织"},
	{NULL, NULL},
};
const struct code codes_cert_type[] = {
	{"111", "居民身份证"},
	{"112", "临时身份证"},
	{"113", "户口簿"},
	{"114", "军官证"},
	{"335", "驾驶证"},
	{"411", "外交护照"},
	{"412", "公务护照"},
	{"414", "普通护照"},
	{"511", "台湾居民来往大陆通行证"},
	{"516", "港澳居民来往内地通行证"},
	{"553", "外国人永久居留身份证"},
	{"999", "其他自然人证件"},
	{"001", "统一社会信用代码"},
	{"002", "组织机构代码"},
	{"099", "其他法人证件"},
	{NULL, NULL},
};
const struct code codes_sex[] = {
	{"1", "男"},
	{"2", "女"},
	{"0", "未知"},
	{"9", "未说明"},
	{NULL, NULL},
};
const struct code codes_submit[] = {
	{"0", "窗口"},
	{"1", "网上"},
	{"2", "信函"},
	{"3", "电报"},
	{"4", "电传"},
	{"5", "传真"},
	{"6", "邮件"},
	{"7", "电子数据交换"},
	{"8", "其他"},
	{NULL, NULL},
};
const struct code codes_channel[] = {
	{"1", "互联网门户"},
	{"2", "政务服务中心"},
	{"9", "其他"},
	{NULL, NULL},
};
const struct code codes_approval[] = {
	{"1", "即办件"},
	{"2", "承诺件"},
	{"3", "联办件"},
	{"4", "上报件"},
	{NULL, NULL},
};
const struct code codes_unit[] = {
	{"1", "工作日"},
	{"2", "自然日"},
	{"3", "小时"},
	{"4", "分钟"},
	{"5", "月"},
	{NULL, NULL},
};
const struct code codes_card[] = {
	{"1", "60至69周岁"},
	{"2", "70周岁以上"},
	{"3", "外地常住老年人"},
	{NULL, NULL},
};
const struct code codes_node_type[] = {
	{"1", "开始"},
	{"2", "中间"},
	{"3", "结束"},
	{"4", "唯一"},
	{NULL, NULL},
};
const struct code codes_node_state[] = {
	{"1", "待办"},
	{"2", "已办"},
	{NULL, NULL},
};
const struct code codes_node_result[] = {
	{"0", "不同意"},
	{"1", "同意"},
	{"2", "不受理"},
	{"3", "不予受理"},
	{"4", "受理"},
	{"5", "补齐补正"},
	{"6", "特别程序"},
	{"7", "退回"},
	{NULL, NULL},
};
const struct code codes_special[] = {
	{"1", "补齐补正"},
	{"2", "听证"},
	{"3", "公示"},
	{"4", "核实"},
	{"5", "挂起"},
	{"6", "预审补齐补正"},
	{NULL, NULL},
};
const struct code codes_done[] = {
	{"0", "出证办结"},
	{"1", "退回办结（不予许可）"},
	{"2", "作废办结"},
	{"3", "删除办结"},
	{"4", "转报办结"},
	{"5", "补正超时退件"},
	{"6", "其他办结"},
	{NULL, NULL},
};
const struct code codes_yes_no[] = {
	{"0", "否"},
	{"1", "是"},
	{NULL, NULL},
};
const struct code codes_rating[] = {
	{"1", "非常满意"},
	{"2", "满意"},
	{"3", "基本满意"},
	{"4", "不满意"},
	{"5", "非常不满意"},
	{NULL, NULL},
};

const char *code_text(const struct code *table, const char *value)
{
	for (; value && table->value; table++)
		if (!strcmp(table->value, value))
			return table->text;
	return NULL;
}

static bool all_digits(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!isdigit((unsigned char)s[i]))
			return false;
	return true;
}

static int two(const char *s)
{
	return (s[0] - '0') * 10 + (s[1] - '0');
}

static bool day_exists(const char *s)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int year, month, day;
	bool leap;

	if (!all_digits(s, 8))
		return false;
	year = two(s) * 100 + two(s + 2);
	month = two(s + 4);
	day = two(s + 6);
	leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
	return year >= 1850 && month >= 1 && month <= 12 && day >= 1 &&
	       day <= days[month - 1] + (month == 2 && leap);
}

bool value_is_date(const char *s)
{
	return strlen(s) == 8 && day_exists(s);
}

bool value_is_time(const char *s)
{
	return strlen(s) == 14 && day_exists(s) && all_digits(s + 8, 6) && two(s + 8) < 24 &&
	       two(s + 10) < 60 && two(s + 12) < 60;
}

bool value_is_mobile(const char *s)
{
	return strlen(s) == 11 && all_digits(s, 11) && s[0] == '1' && s[1] >= '3';
}

/* GB 11643: the check character makes the weighted sum 1 modulo 11. */
bool value_is_citizen_id(const char *s)
{
	static const int weight[] = {7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2};
	int sum = 0;

	if (strlen(s) != 18 || !all_digits(s, 17) || !day_exists(s + 6))
		return false;
	for (int i = 0; i < 17; i++)
		sum += (s[i] - '0') * weight[i];
	return s[17] == "10X98765432"[sum % 11];
}

bool value_is_number(const char *s, unsigned decimals)
{
	size_t whole = strspn(s, "0123456789");

	if (!whole)
		return false;
	if (!s[whole])
		return true;
	return decimals && s[whole] == '.' && s[whole + 1] && strlen(s + whole + 1) <= decimals &&
	       all_digits(s + whole + 1, strlen(s + whole + 1));
}

size_t value_characters(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += ((unsigned char)*s & 0xC0) != 0x80;
	return n;
}

static bool one_of(const char *state, const char *list)
{
	const char *at = strstr(list, state);

	return strlen(state) == 2 && at && (at - list) % 3 == 0;
}

bool state_is_final(const char *state)
{
	return one_of(state, "07 10 12 13");
}

bool state_may_follow(const char *from, const char *to)
{
	if (!strcmp(from, to))
		return true;
	if (state_is_final(from))
		return false;
	if (!strcmp(from, "11"))
		return one_of(to, "08 10 13");
	/* What has been accepted does not become unaccepted. */
	if (one_of(from, "05 08 09"))
		return !one_of(to, "01 02 03 04");
	return true;
}

bool node_pair_ok(const char *type, const char *result)
{
	static const char *const allowed[] = {"456", "01567", "01", "1234"};

	return strchr(allowed[type[0] - '1'], result[0]) != NULL;
}
