"""Emoji shortcodes as characters, so that `:red_circle:` is drawn as a person in Slack sees it.

Holds the few hundred that messages of this kind use, not the whole Unicode list: an unknown
shortcode stays as typed, which is also what Slack does with a name that it doesn't know.
"""

import re

_TABLE = """
red_circle=🔴 large_orange_circle=🟠 orange_circle=🟠 large_yellow_circle=🟡 yellow_circle=🟡
large_green_circle=🟢 green_circle=🟢 large_blue_circle=🔵 blue_circle=🔵 large_purple_circle=🟣
large_brown_circle=🟤 black_circle=⚫ white_circle=⚪ large_red_square=🟥 large_orange_square=🟧
large_yellow_square=🟨 large_green_square=🟩 large_blue_square=🟦 large_purple_square=🟪
black_large_square=⬛ white_large_square=⬜ large_blue_diamond=🔷 small_red_triangle=🔺
small_blue_diamond=🔹 small_orange_diamond=🔸 white_check_mark=✅ heavy_check_mark=✔️
ballot_box_with_check=☑️ x=❌ negative_squared_cross_mark=❎ heavy_multiplication_x=✖️
warning=⚠️ no_entry=⛔ no_entry_sign=🚫 octagonal_sign=🛑 stop_sign=🛑 rotating_light=🚨
exclamation=❗ heavy_exclamation_mark=❗ bangbang=‼️ question=❓ grey_question=❔
information_source=ℹ️ bulb=💡 bell=🔔 no_bell=🔕 mute=🔇 loudspeaker=📢 mega=📣 hourglass=⌛
hourglass_flowing_sand=⏳ stopwatch=⏱️ timer_clock=⏲️ alarm_clock=⏰ clock1=🕐 clock3=🕒 watch=⌚
lock=🔒 unlock=🔓 key=🔑 shield=🛡️ fire=🔥 boom=💥 skull=💀 skull_and_crossbones=☠️ bug=🐛 beetle=🐞
ambulance=🚑 fire_engine=🚒 construction=🚧 wrench=🔧 hammer=🔨 hammer_and_wrench=🛠️ gear=⚙️
nut_and_bolt=🔩 toolbox=🧰 package=📦 ship=🚢 anchor=⚓ rocket=🚀 airplane=✈️ snowflake=❄️
ice_cube=🧊 zap=⚡ sunny=☀️ cloud=☁️ rain_cloud=🌧️ tornado=🌪️ recycle=♻️
arrows_counterclockwise=🔄 arrows_clockwise=🔃 repeat=🔁 rewind=⏪ fast_forward=⏩
leftwards_arrow_with_hook=↩️ arrow_right_hook=↪️ arrow_right=➡️ arrow_left=⬅️ arrow_up=⬆️
arrow_down=⬇️ arrow_upper_right=↗️ arrow_lower_right=↘️ arrow_forward=▶️ arrow_backward=◀️
double_vertical_bar=⏸️ pause_button=⏸️ black_square_for_stop=⏹️ track_next=⏭️
chart_with_upwards_trend=📈 chart_with_downwards_trend=📉 bar_chart=📊 clipboard=📋 memo=📝
pencil=📝 pencil2=✏️ page_facing_up=📄 page_with_curl=📃 scroll=📜 notebook=📓 books=📚 book=📖
bookmark=🔖 label=🏷️ link=🔗 paperclip=📎 pushpin=📌 round_pushpin=📍 triangular_flag_on_post=🚩
checkered_flag=🏁 white_flag=🏳️ mag=🔍 mag_right=🔎 telescope=🔭 microscope=🔬 eyes=👀 eye=👁️
ear=👂 thumbsup=👍 +1=👍 thumbsdown=👎 -1=👎 ok_hand=👌 wave=👋 raised_hand=✋ raised_hands=🙌 clap=👏
pray=🙏 muscle=💪 point_right=👉 point_left=👈 point_up=☝️ point_down=👇 handshake=🤝
writing_hand=✍️ speech_balloon=💬 thought_balloon=💭 left_speech_bubble=🗨️ email=📧 envelope=✉️
incoming_envelope=📨 inbox_tray=📥 outbox_tray=📤 mailbox=📫 telephone=☎️ phone=☎️
telephone_receiver=📞 iphone=📱 pager=📟 computer=💻 desktop_computer=🖥️ keyboard=⌨️
floppy_disk=💾 cd=💿 dvd=📀 satellite=📡 satellite_antenna=📡 battery=🔋 electric_plug=🔌
globe_with_meridians=🌐 earth_africa=🌍 earth_americas=🌎 earth_asia=🌏 robot_face=🤖 robot=🤖
ghost=👻 alien=👽 construction_worker=👷 cop=👮 detective=🕵️ bust_in_silhouette=👤
busts_in_silhouette=👥 runner=🏃 turtle=🐢 snail=🐌 elephant=🐘 whale=🐳 octopus=🐙 cat=🐱 dog=🐶
bee=🐝 smile=😄 smiley=😃 grinning=😀 slightly_smiling_face=🙂 blush=😊 wink=😉 joy=😂 sweat_smile=😅
thinking_face=🤔 neutral_face=😐 expressionless=😑 confused=😕 worried=😟 cry=😢 sob=😭 scream=😱
dizzy_face=😵 sleeping=😴 zzz=💤 sunglasses=😎 nerd_face=🤓 tada=🎉 sparkles=✨ star=⭐ star2=🌟
dizzy=💫 100=💯 heart=❤️ green_heart=💚 broken_heart=💔 gift=🎁 trophy=🏆 dart=🎯 game_die=🎲
crystal_ball=🔮 magnet=🧲 test_tube=🧪 adhesive_bandage=🩹 stethoscope=🩺 pill=💊 syringe=💉
hospital=🏥 house=🏠 office=🏢 factory=🏭 calendar=📅 date=📅 spiral_calendar_pad=🗓️
card_index_dividers=🗂️ file_folder=📁 open_file_folder=📂 wastebasket=🗑️ heavy_plus_sign=➕
heavy_minus_sign=➖ heavy_division_sign=➗ infinity=♾️ new=🆕 free=🆓 up=🆙 cool=🆒 ok=🆗 sos=🆘
zero=0️⃣ one=1️⃣ two=2️⃣ three=3️⃣ four=4️⃣ five=5️⃣ six=6️⃣ seven=7️⃣ eight=8️⃣ nine=9️⃣
keycap_ten=🔟 hash=#️⃣ coffee=☕ umbrella=☂️
"""  # noqa: RUF001 - the lookalikes are the emoji themselves

CHARACTERS: dict[str, str] = dict(entry.split("=", 1) for entry in _TABLE.split())

_SHORTCODE = re.compile(r":([a-z0-9_+\-]+)(?:::skin-tone-[2-6])?:")


def character(name: str) -> str | None:
    """The character of a shortcode given without colons, or None if it is not known."""
    return CHARACTERS.get(name.split("::", 1)[0])


def replace(text: str) -> str:
    """The text with every known shortcode replaced by its character."""
    return _SHORTCODE.sub(lambda found: CHARACTERS.get(found[1], found[0]), text)
