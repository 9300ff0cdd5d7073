# Sourced by tools/demo: the story it tells. People type into the portal (its forms, by curl) and into
# the department's table (psql); everything else is waited for and looked up in the systems
# themselves, and a wait that ends in vain ends the demo with 1.

AWAIT_SECONDS=30
CARD=YDZ-2018-0001

# Fictional people; the numbers have the published check character.
ELDER=张建国 ELDER_ID=341599195003070014
OTHER=李秀英 OTHER_ID=341599195202290028
# The department's database keeps names in GBK, which has the traditional 龑 and not the simplified 䶮.
RARE=王䶮 RARE_IN_GBK=王龑 RARE_ID=341599194806150013

# ---- telling ----

clock() { date +%s%3N; }

chapter() { # ENGLISH CHINESE
	printf '\n%s%s%s\n%s%s%s\n' "$BOLD" "$1" "$PLAIN" "$BOLD" "$2" "$PLAIN"
}

told() { # MARK ENGLISH CHINESE
	local ms=$(($(clock) - STORY_BEGUN))
	printf '%s[%3d.%03d s] %s%s %s · %s\n' "$GREEN" $((ms / 1000)) $((ms % 1000)) "$1" "$PLAIN" "$2" "$3"
}

# typed ENGLISH CHINESE: from here on the time is taken until it is seen elsewhere.
typed() {
	told '>>' "$@"
	TYPED_AT=$(clock)
}

# What a system holds, what was typed, or what a command printed.
shown() { sed 's/^/               | /'; }

# seen ENGLISH CHINESE COMMAND...: waits until the command is true, and says how long after the last
# entry that was. The time includes our looking: a few hundredths of a second each time.
seen() {
	local english=$1 chinese=$2 after=
	shift 2
	wait_until "$AWAIT_SECONDS" "$@" ||
		failed "waited $AWAIT_SECONDS s in vain for: $english" "等待 $AWAIT_SECONDS 秒未见：$chinese"
	[[ -z $TYPED_AT ]] || after=" ($(($(clock) - TYPED_AT)) ms)"
	told 'ok' "$english" "$chinese$after"
}

ours() { "$BIN/casebridge" "$@" "$SITE"; }

# run_shown WORDS...: a verb of casebridge, as an operator types it, and what it prints.
run_shown() {
	printf '               $ casebridge %s\n' "$*"
	ours "$@" | shown
	TYPED_AT=
}

# ---- the department ----

department() { "${PSQL[@]}" -d ydz "$@"; }
department_is() { [[ $(department -At -c "select count(*) from ydz_sq where $1") == 1 ]]; }

department_types() { # ENGLISH CHINESE SQL
	typed "$1" "$2"
	department -c "$3" || failed "the department's table refused an entry" "部门业务库拒绝录入"
	printf '%s\n' "$3" | shown
}

show_department() { # COLUMNS WHERE
	department -P footer=off -c "select $1 from ydz_sq where $2" | sed '/^$/d' | shown
	TYPED_AT=
}

# ---- the portal ----

# form PATH FIELD=VALUE...: fills in a form of the portal, as a browser would, and prints its answer.
form() {
	local path=$1 field fields=()
	shift
	for field in "$@"; do
		fields+=(--data-urlencode "$field")
	done
	curl -sS --fail-with-body --max-time 10 -H 'Accept: application/json' "${fields[@]}" "$PORTAL_URL$path"
}

portal_types() { # ENGLISH CHINESE PATH FIELD=VALUE...
	typed "$1" "$2"
	shift 2
	ANSWER=$(form "$@") && [[ $(jq -r .code <<< "$ANSWER") == 200 ]] ||
		failed "the portal refused an entry: $ANSWER" "门户拒绝录入：$ANSWER"
	ENTRIES=$((ENTRIES + 1))
	# Numbers and passwords that say where to type are not what was typed.
	printf '%s\n' "${@:2}" | grep -Ev '^(projid|pwd)=' | shown
}

# applies ENGLISH CHINESE NAME ID MOBILE ADDRESS: sets PROJID and PWD.
applies() {
	portal_types "$1" "$2" /apply APPLICANT="$3" APPLICANTCERTNO="$4" APPLICANTMOBILE="$5" ADDRESS="$6" \
		APPLICANTCERTTYPE=111 YDZLX=2
	PROJID=$(jq -r .data.PROJID <<< "$ANSWER") PWD_OF[$PROJID]=$(jq -r .data.PROJPWD <<< "$ANSWER")
}

portal() { # PROJID: the applicant's view of it
	curl -sS --fail --max-time 10 -H 'Accept: application/json' \
		"$PORTAL_URL/my?projid=$1&pwd=${PWD_OF[$1]}"
}

portal_is() { portal "$1" | jq -e ".data | $2" > /dev/null; } # PROJID CONDITION

show_portal() { # PROJID
	portal "$1" | jq -r '.data | {"02": "收件", "05": "受理", "08": "在办", "10": "办结"} as $names
		| "办件编号 \(.PROJID)  部门流水号 \(.ORGBUSNO // "-")  状态 \(.PROJECTSTATE) \($names[.PROJECTSTATE] // "")",
		  "\(.APPLICANT)  \(.APPLICANTMOBILE)  \(.ADDRESS)",
		  (if .DONE.CERTIFICATENO then "证照编号 \(.DONE.CERTIFICATENO)" else empty end),
		  (.STEPS[] | "环节 \(.SN) \(.NODENAME) \(.NODEENDTIME)")' | shown
	TYPED_AT=
}

# ---- the bridge ----

listed() { # COUNT WORDS...: a list of casebridge has so many lines
	[[ $(ours "${@:2}" list --output json | jq length) == "$1" ]]
}

systems_are() { # STATE
	ours status --output json |
		jq -e --arg state "$1" 'length == 2 and all(.[]; .state == $state and .last_contact != null)' > /dev/null
}

# ---- the story ----

begins() {
	chapter "1. A site is connected: its systems are read, nothing is written to them yet" \
		"1. 站点接入：先试运行，只读不写"
	seen "both systems are on trial" "两个系统都在试运行" systems_are trial
	run_shown system live civil-affairs
	run_shown system live portal
	seen "both systems take part from now on" "两个系统已上线" systems_are live
}

applies_and_gets_the_card() {
	chapter "2. An elder applies on the portal and gets the card from the department" \
		"2. 老人在门户申请，由部门发证"
	applies "$ELDER fills in the portal's form" "老人在门户填写申请" "$ELDER" "$ELDER_ID" 13900000001 "裕安区西市街道1号"
	CASE=$PROJID
	seen "the row is in YDZ_SQ, the department's own table" "部门业务库 YDZ_SQ 已有该申请" \
		department_is "sfzh = '$ELDER_ID' and xm = '$ELDER' and zt = 0"
	show_department "sbh, xm, xb, sfzh, csrq, lxdh, hkdz, zt, czy" "sfzh = '$ELDER_ID'"
	SBH=$(department -At -c "select sbh from ydz_sq where sfzh = '$ELDER_ID'")
	seen "the portal knows the department's number" "门户已有部门流水号" portal_is "$CASE" ".ORGBUSNO == \"$SBH\""
	department_types "the department accepts (zt 1)" "部门受理" \
		"update ydz_sq set zt = 1, czy = '窗口王' where sbh = '$SBH'"
	seen "the portal shows 受理" "门户显示受理" portal_is "$CASE" '.PROJECTSTATE == "05"'
	show_portal "$CASE"
}

correct_in_both() {
	chapter "3. A correction made in either system reaches the other" "3. 任一系统的更正都到达另一系统"
	portal_types "the elder corrects the phone number on the portal" "老人在门户更正手机号" \
		/my projid="$CASE" pwd="${PWD_OF[$CASE]}" APPLICANTMOBILE=13911112222
	seen "it is in the department's table" "部门业务库已更正" department_is "sbh = '$SBH' and lxdh = '13911112222'"
	department_types "the department corrects the address" "部门更正住址" \
		"update ydz_sq set hkdz = '裕安区小华山街道3号' where sbh = '$SBH'"
	seen "it is on the portal" "门户已更正" portal_is "$CASE" '.ADDRESS == "裕安区小华山街道3号"'

	chapter "4. Two edits at once, of different fields: both survive" "4. 两边同时修改不同字段：都保留"
	at_once "$CASE" /my "pwd=${PWD_OF[$CASE]} APPLICANTMOBILE=13933334444" \
		"update ydz_sq set hkdz = '裕安区鼓楼街道8号' where sbh = '$SBH'"
	seen "the department has both" "部门业务库两项都有" \
		department_is "sbh = '$SBH' and lxdh = '13933334444' and hkdz = '裕安区鼓楼街道8号'"
	seen "the portal has both" "门户两项都有" \
		portal_is "$CASE" '.APPLICANTMOBILE == "13933334444" and .ADDRESS == "裕安区鼓楼街道8号"'
	listed 0 conflicts || failed "two different fields made a conflict" "不同字段的修改被当成冲突"
	told 'ok' "no conflict is listed" "没有冲突"
}

# at_once PROJID PATH "FIELD=VALUE..." SQL: one clerk on each side, neither seeing the other's entry.
at_once() {
	local fields answer=$FOLDER/at-once.json typing
	read -ra fields <<< "$3"
	typed "at the same moment, one on the portal, one in the department" "两边同时录入"
	form "$2" projid="$1" "${fields[@]}" > "$answer" &
	typing=$!
	department -c "$4" || failed "the department's table refused an entry" "部门业务库拒绝录入"
	wait "$typing" && jq -e '.code == 200' "$answer" > /dev/null ||
		failed "the portal refused an entry: $(< "$answer")" "门户拒绝录入"
	ENTRIES=$((ENTRIES + 1))
	printf '%s\n' "${fields[@]}" "$4" | grep -v '^pwd=' | shown
}

card_and_conflict() {
	chapter "5. The department issues the card: the portal shows 办结 with the certificate" \
		"5. 部门制证：门户显示办结与证照编号"
	department_types "the department has made the card (zt 2)" "部门已制证" \
		"update ydz_sq set zt = 2, zzbh = '$CARD' where sbh = '$SBH'"
	seen "the portal shows 办结 with the certificate" "门户显示办结与证照编号" \
		portal_is "$CASE" ".PROJECTSTATE == \"10\" and .DONE.CERTIFICATENO == \"$CARD\""
	show_portal "$CASE"

	chapter "6. Two edits at once of the same field: the owner's stands, the other is kept and listed" \
		"6. 两边同时修改同一字段：以归属方为准，另一值保留并列出"
	CARD=YDZ-2018-0002
	at_once "$CASE" /clerk "field=DONE.CERTIFICATENO value=YDZ-2018-9999" \
		"update ydz_sq set zzbh = '$CARD' where sbh = '$SBH'"
	seen "the portal's value is listed as a conflict" "门户的值已列为冲突" listed 1 conflicts
	seen "the department owns the certificate number: its value stands on the portal" "证照编号归部门：门户以部门的值为准" \
		portal_is "$CASE" ".DONE.CERTIFICATENO == \"$CARD\""
	department_is "sbh = '$SBH' and zzbh = '$CARD'" || failed "the department's own value was changed" "部门的值被改动"
	told 'ok' "and in the department" "部门的值未变"
	run_shown conflicts list
}

park_and_correct() {
	chapter "7. What a system cannot take is parked, corrected and delivered; everything else flows on" \
		"7. 系统不能接收的办件转待处理，更正后送达；其余不受影响"
	applies "$RARE applies; the department's GBK database has no 䶮" "姓名含部门系统（GBK）存不下的字" \
		"$RARE" "$RARE_ID" 13900000003 "裕安区平桥乡3号"
	seen "it is parked, with the reason and what to do" "已转待处理，附原因与办法" listed 1 parked
	run_shown parked list
	local parked=$PROJID
	applies "meanwhile $OTHER applies" "同时另一位老人申请" "$OTHER" "$OTHER_ID" 13900000002 "裕安区鼓楼街道2号"
	seen "that application is not held up" "不受影响，已到部门" department_is "sfzh = '$OTHER_ID'"
	portal_types "a clerk of the portal writes the name with the character of the register" "门户经办人改用户口簿上的字" \
		/clerk projid="$parked" field=APPLICANT value="$RARE_IN_GBK"
	seen "it is delivered" "已送达部门" department_is "sfzh = '$RARE_ID' and xm = '$RARE_IN_GBK'"
	show_department "sbh, xm, sfzh, zt, czy" "true order by sbh"
	seen "nothing is parked any more" "待处理已清空" listed 0 parked
}

where_it_is() {
	chapter "8. Where is it? The same case by either number" "8. 办件在哪里？用任一编号都能查到"
	run_shown case "$CASE"
	local by_portal by_department
	by_portal=$(ours case "$CASE") by_department=$(ours case "$SBH")
	[[ $by_portal == "$by_department" && $by_portal == *"$SBH"* && $by_portal == *"$CASE"* ]] ||
		failed "the two numbers found different things" "两个编号查到的结果不同"
	told 'ok' "casebridge case $SBH prints the same" "用部门流水号查到同一办件"
	run_shown status
	published
}

# The newest version of our case on the public topic, with its CloudEvents headers; most of the
# document's members are left out here.
published() {
	local line="$FOLDER/published.txt" format='%k %h %s\n'
	printf "               \$ kcat -b %s -t casebridge.cases -C -e -q -f '%s'\n" "$CASEBRIDGE_KAFKA" "$format"
	seen "anybody can read the case from casebridge.cases" "任何系统都可从 casebridge.cases 读取办件" newest_published "$line"
	sed 's/ {/\n{/' "$line" | while read -r part; do
		jq -c '{case_id, version, status, outcome, portal_case_no, dept_case_no, applicant: .applicant.name, result}' \
			2> /dev/null <<< "$part" || printf '%s\n' "$part"
	done | shown
}

newest_published() { # FILE
	kcat -b "$CASEBRIDGE_KAFKA" -t casebridge.cases -C -e -q -f '%k %h %s\n' 2>> "$FOLDER/kcat.log" |
		grep -F "\"portal_case_no\":\"$CASE\"" | tail -n 1 > "$1"
	grep -qF "$CARD" "$1"
}

# Counted where it must show: in the portal's journal of effective writes, and in the tables.
count_up() {
	chapter "9. Counted" "9. 清点"
	seen "nothing is on its way" "没有在途的变更" nothing_moves
	local rows cases persons journal
	rows=$(department -At -c 'select count(*) from ydz_sq')
	persons=$(department -At -c 'select count(distinct sfzh) from ydz_sq')
	cases=$("${PSQL[@]}" -d casebridge -At -c 'select count(*) from casebridge.cases')
	journal=$(curl -sS --fail "$PORTAL_URL/_control/journal?limit=1000")
	[[ $(by_actor web) == "$ENTRIES" ]] || failed \
		"the portal counts $(by_actor web) entries of people, not $ENTRIES" "门户记录的人工录入次数不符"
	told 'ok' "the portal's journal: $ENTRIES entries by people, $(by_actor app) by Casebridge" \
		"门户日志：人工录入 $ENTRIES 次，办件桥送达 $(by_actor app) 次"
	[[ $rows == "${#PWD_OF[@]}" && $persons == "$rows" && $cases == "$rows" ]] ||
		failed "${#PWD_OF[@]} applications, $rows rows, $cases cases" "申请、部门记录与办件数目不符"
	told 'ok' "${#PWD_OF[@]} applications on the portal = $rows rows in YDZ_SQ = $cases cases" "门户申请数 = 部门记录数 = 办件数"
	local projid
	for projid in "${!PWD_OF[@]}"; do
		equal_in_both "$projid" || failed "the systems differ about $projid" "两个系统中的办件 $projid 不一致"
	done
	told 'ok' "name, id number, phone and address are equal in both systems, case by case" "两个系统逐件一致"
}

by_actor() { jq "[(.data // .).entries[] | select(.actor == \"$1\")] | length" <<< "$journal"; }

nothing_moves() {
	ours status --output json | jq -e 'all(.[]; .in_flight == "0" and .waiting == "0")' > /dev/null
}

equal_in_both() { # PROJID
	local there here
	there=$(portal "$1" | jq -r '.data | [.ORGBUSNO, .APPLICANT, .APPLICANTCERTNO, .APPLICANTMOBILE, .ADDRESS] | join("|")')
	here=$(department -At -c "select sbh, xm, sfzh, lxdh, hkdz from ydz_sq where sbh = '${there%%|*}'")
	[[ -n $here && $there == "$here" ]]
}

story() {
	STORY_BEGUN=$(clock)
	TYPED_AT='' ENTRIES=0
	declare -gA PWD_OF=()
	begins
	applies_and_gets_the_card
	correct_in_both
	card_and_conflict
	park_and_correct
	where_it_is
	count_up
	printf '\n'
	told '**' "Nothing was typed twice." "一次录入，两边生效；没有任何内容录入两次。"
}
