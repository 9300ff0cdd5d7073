#include "portal_html.h"

#include <stdlib.h>
#include <string.h>

static const char style[] =
	"body{margin:0;background:#f3f6fa;color:#1f2937;font:16px/1.7 'Noto Sans CJK SC',"
	"'Microsoft YaHei','PingFang SC',sans-serif}"
	"header{background:linear-gradient(90deg,#0b5cad,#2b83d6);color:#fff;padding:18px 0}"
	"header div,main,footer{max-width:920px;margin:0 auto;padding:0 24px}"
	"header b{font-size:22px}header a{color:#dcebfb;margin-left:22px;text-decoration:none}"
	"header nav{float:right;padding-top:4px}main{padding-top:22px}"
	"section{background:#fff;border:1px solid #e2e8f0;border-radius:8px;padding:8px 28px 22px;"
	"margin-bottom:20px}h2{font-size:19px;border-left:4px solid #0b5cad;padding-left:10px}"
	"label{display:block;margin:10px 0}label span{display:inline-block;width:9em;color:#475569}"
	"input,select{font:inherit;padding:5px 10px;border:1px solid #cbd5e1;border-radius:5px;"
	"width:22em;box-sizing:border-box;background:#fff}"
	"button{font:inherit;background:#0b5cad;color:#fff;border:0;border-radius:5px;"
	"padding:7px 30px;margin:12px 0 0 9em;cursor:pointer}"
	"table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:7px 10px;"
	"border-bottom:1px solid #e2e8f0;vertical-align:top}th{color:#475569;font-weight:normal;"
	"white-space:nowrap}td:first-child,th:first-child{width:9em}"
	".good,.bad{padding:9px 16px;border-radius:5px}.good{background:#e8f6ec;"
	"color:#166534}.bad{background:#fdecec;color:#991b1b}.state{background:#0b5cad;color:#fff;"
	"border-radius:12px;padding:2px 14px;font-size:14px;white-space:nowrap}"
	"ol{list-style:none;margin:0;padding:0 0 0 8px;border-left:2px solid #bfdbfe}"
	"ol li{padding:2px 0 12px 18px;position:relative}ol li:before{content:'';position:absolute;"
	"left:-15px;top:10px;width:10px;height:10px;border-radius:5px;background:#2b83d6}"
	"small,.quiet{color:#64748b}.cert{border:2px solid #d9a441;border-radius:8px;"
	"background:#fffaf0;padding:4px 22px}"
	"footer{color:#64748b;font-size:14px;padding:8px 24px 30px}";

FILE *html_begin(struct reply *rp, const char *title)
{
	FILE *f;

	free(rp->text);
	rp->text = NULL;
	f = open_memstream(&rp->text, &rp->text_size);
	if (!f)
		return NULL;
	fprintf(f, "<!DOCTYPE html><html lang=\"zh-CN\"><head><meta charset=\"utf-8\">"
		   "<meta name=\"viewport\" content=\"width=device-width\"><title>");
	html_text(f, title);
	fprintf(f,
		" - 政务服务网</title><style>%s</style></head><body><header><div><nav>"
		"<a href=\"/\">我要办事</a><a href=\"/my\">办件查询</a><a "
		"href=\"/clerk\">窗口工作台</a>"
		"</nav><b>政务服务网</b> 裕安区（模拟）</div></header><main>",
		style);
	return f;
}

void html_end(FILE *f, struct reply *rp)
{
	fprintf(f, "</main><footer>本站为演示与测试用的模拟门户，所有单位、人员与办件均为虚构。"
		   "</footer></body></html>");
	fclose(f);
	rp->type = "text/html; charset=utf-8";
}

void html_text(FILE *f, const char *s)
{
	for (; s && *s; s++) {
		switch (*s) {
		case '&':
			fputs("&amp;", f);
			break;
		case '<':
			fputs("&lt;", f);
			break;
		case '>':
			fputs("&gt;", f);
			break;
		case '"':
			fputs("&quot;", f);
			break;
		case '\'':
			fputs("&#39;", f);
			break;
		default:
			fputc(*s, f);
		}
	}
}

void html_time(FILE *f, const char *s)
{
	if (!s || !(value_is_date(s) || value_is_time(s))) {
		html_text(f, s);
		return;
	}
	fprintf(f, "%.4s-%.2s-%.2s", s, s + 4, s + 6);
	if (strlen(s) == 14)
		fprintf(f, " %.2s:%.2s", s + 8, s + 10);
}

void html_masked(FILE *f, const char *s)
{
	size_t n = s ? strlen(s) : 0;

	for (size_t i = 0; i < n; i++) {
		const char one[2] = {n > 10 && i >= 6 && i < n - 4 ? '*' : s[i], 0};

		html_text(f, one);
	}
}

void html_input(FILE *f, const char *name, const char *label, const char *value, const char *extra)
{
	fprintf(f, "<label><span>%s</span><input name=\"%s\" value=\"", label, name);
	html_text(f, value);
	fprintf(f, "\" %s></label>", extra);
}

void html_select(FILE *f, const char *name, const char *label, const struct code *codes,
	const char *value, const char *blank)
{
	fprintf(f, "<label><span>%s</span><select name=\"%s\">", label, name);
	if (blank)
		fprintf(f, "<option value=\"\">%s</option>", blank);
	for (; codes->value; codes++)
		fprintf(f, "<option value=\"%s\"%s>%s</option>", codes->value,
			value && !strcmp(value, codes->value) ? " selected" : "", codes->text);
	fprintf(f, "</select></label>");
}

void html_note(FILE *f, const char *kind, const char *text)
{
	if (!text || !*text)
		return;
	fprintf(f, "<p class=\"%s\">", kind);
	html_text(f, text);
	fprintf(f, "</p>");
}
