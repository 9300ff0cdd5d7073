/*
 * cli_words.c - the ledger's words in Chinese, for people; programs get them as they stand.
 */
#include "cli.h"

static const struct {
	const char *column, *word, *zh;
} words[] = {
	/* parked items */
	{"kind", "in", "读取"},
	{"kind", "out", "发送"},
	{"kind", "refused", "被退回"},
	{"kind", "unknown", "结果不明"},
	{"kind", "vanished", "记录消失"},
	{"kind", "duplicate", "编号重复"},
	{"kind", "message", "无法读懂"},
	{"kind", "ask", "待确认"},
	/* conflicts */
	{"kind", "lost", "未采用"},
	{"kind", "ownership", "非归属方"},
	{"kind", "initial", "首次不一致"},
	{"kind", "suspect", "存疑"},
	{"kind", "rewritten", "被对方改写"},
	{"kind", "deviation", "有出入"},
	{"status", "open", "待处理"},
	{"status", "superseded", "已被取代"},
	{"status", "delivered", "已送达"},
	{"status", "dropped", "已放弃"},
	{"status", "retried", "已重试"},
	{"status", "corrected", "已更正"},
	{"status", "withdrawn", "已退件"},
	{"status", "rewritten", "已重新写入"},
	{"status", "taken", "已改用"},
	{"status", "kept", "已维持"},
	{"status", "accepted", "已确认"},
	{"status", "rejected", "已否定"},
	{"status", "passed", "已略过"},
	{"verdict", "certain", "确定"},
	{"verdict", "likely", "可能"},
	/* decisions of people */
	{"decision", "take", "改用"},
	{"decision", "keep", "维持"},
	{"decision", "correct", "更正"},
	{"decision", "drop", "放弃"},
	{"decision", "retry", "重试"},
	{"decision", "withdraw", "退件"},
	{"decision", "rewrite", "重新写入"},
	{"decision", "accept", "确认"},
	{"decision", "reject", "否定"},
	{"decision", "merge", "合并"},
	{"decision", "split", "拆分"},
	{"decision", "remap", "映射变更"},
	{"outcome", "done", "已执行"},
	{"outcome", "settled", "此前已处理"},
	{"outcome", "unknown", "查无此项"},
	{"outcome", "changed", "值已变"},
	{"outcome", "same", "值未变"},
	{"outcome", "invalid", "值无效"},
	{"outcome", "inbound", "须在来源系统更正"},
	{"outcome", "protected", "不能人工设置"},
	{"outcome", "element", "须在系统中删除"},
	{"outcome", "reason", "缺处理人或原因"},
	{"outcome", "there", "记录仍在"},
	{"outcome", "alone", "已有其他对照"},
	{"outcome", "taken", "对方已有对照"},
	{"outcome", "busy", "正在处理"},
	{"outcome", "live", "已上线"},
	/* topics */
	{"state", "ok", "正常"},
	{"state", "missing", "缺失"},
	{"state", "differs", "不符"},
	{"state", "wrong partitions", "分区数不符"},
	/* systems */
	{"state", "live", "已上线"},
	{"state", "paused", "暂停"},
	{"state", "trial", "试运行"},
	{"state", "new", "未启动"},
	{"state", "left out", "未加载"},
	{"state", "rebase", "已按恢复处理"},
};

const char *cli_word(const struct cli *c, const char *column, const char *word)
{
	if (c->lang != BR_LANG_ZH || c->output != CLI_TABLE || !word)
		return word;
	for (size_t i = 0; i < BR_LEN(words); i++)
		if (strcmp(words[i].column, column) == 0 && strcmp(words[i].word, word) == 0)
			return words[i].zh;
	return word;
}
