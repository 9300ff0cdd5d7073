"""Rows of about 0.6 KB as COPY text, the same in every run: a fixed seed, people who do not exist."""

import random

SURNAMES = "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张孔曹严华金魏陶姜"
GIVEN = ["秀英", "德福", "建国", "桂兰", "志强", "玉梅", "永康", "淑珍", "文华", "桂英", "长生", "凤霞"]
STREETS = ["鼓楼街道解放中路", "西市街道云路街", "小华山街道梅山中路", "平桥乡高新大道", "独山镇红军街", "苏埠镇龙井路"]
SUMMARY = ("申请人因年满六十周岁，户籍在本区并连续居住满五年，按照省人民政府关于优待老年人的规定，"
           "向户籍所在地街道提出申请，办理老年人优待证，材料齐全。")
OUTCOME = "经审查，申请人提交的材料齐全，符合法定形式，予以受理，于五个工作日内办结并送达。"

# Order of the columns of department a.
COLUMNS = ["sbh", "xm", "xb", "sfzh", "csrq", "lxdh", "dz", "yb", "sy", "dlr", "dlrdh", "gx", "lxr", "lxrdh",
           "zt", "sjsj", "slsj", "jgms", "zzmc", "fzjg"]


def citizen_id(number, birth):
    """18 digits with the check character of GB 11643, another one for every number below 4 million."""
    division = ["341503", "341502", "341522", "341524"][number // 999 % 4]
    digits = f"{division}{birth}{number % 999:03d}"
    weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]
    return digits + "10X98765432"[sum(int(d) * w for d, w in zip(digits, weights)) % 11]


def row(number, draw):
    days = number // 3996
    birth = f"{1930 + days // 336 % 28}{days // 28 % 12 + 1:02d}{days % 28 + 1:02d}"
    person = draw.choice(SURNAMES) + draw.choice(GIVEN)
    helper = draw.choice(SURNAMES) + draw.choice(GIVEN)
    day = draw.randint(1, 28)
    certificate = citizen_id(number, birth)
    return [f"D{number:09d}", person, "男" if int(certificate[16]) % 2 else "女", certificate,
            f"{birth[:4]}-{birth[4:6]}-{birth[6:]}", f"13{number % 10**9:09d}",
            f"安徽省六安市裕安区{draw.choice(STREETS)}{draw.randint(1, 999)}号{draw.randint(1, 30)}栋",
            "237010", f"{SUMMARY}第{number}号。", helper, f"15{number % 10**9:09d}", "子女", helper,
            f"18{number % 10**9:09d}", "1", f"2018-07-{day:02d} 08:{draw.randint(0, 59):02d}:00",
            f"2018-07-{day:02d} 09:{draw.randint(0, 59):02d}:30", OUTCOME, "老年人优待证", "裕安区民政局"]


def copy_text(count, first=1, seed=20180702):
    draw = random.Random(seed)
    return "".join("\t".join(row(number, draw)) + "\n" for number in range(first, first + count))
