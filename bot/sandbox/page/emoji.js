// Emoji by their Slack names: the ones people use at work, and the picker's groups.

const GROUPS = {
  Status: `white_check_mark ✅|heavy_check_mark ✔️|ballot_box_with_check ☑️|x ❌|no_entry ⛔|no_entry_sign 🚫|warning ⚠️|
    rotating_light 🚨|hourglass ⌛|hourglass_flowing_sand ⏳|stopwatch ⏱️|alarm_clock ⏰|arrows_counterclockwise 🔄|repeat 🔁|
    double_vertical_bar ⏸️|pause_button ⏸️|arrow_forward ▶️|black_square_for_stop ⏹️|octagonal_sign 🛑|white_circle ⚪|
    black_circle ⚫|red_circle 🔴|large_blue_circle 🔵|large_green_circle 🟢|large_yellow_circle 🟡|large_orange_circle 🟠|
    question ❓|exclamation ❗|bangbang ‼️|information_source ℹ️|new 🆕|ok 🆗|sos 🆘|lock 🔒|unlock 🔓|key 🔑|bell 🔔|no_bell 🔕|mute 🔇|
    one 1️⃣|two 2️⃣|three 3️⃣|four 4️⃣|five 5️⃣|six 6️⃣|seven 7️⃣|eight 8️⃣|nine 9️⃣|keycap_ten 🔟|checkered_flag 🏁|triangular_flag_on_post 🚩`,
  People: `+1 👍|thumbsup 👍|-1 👎|thumbsdown 👎|ok_hand 👌|clap 👏|raised_hands 🙌|pray 🙏|wave 👋|muscle 💪|point_right 👉|point_left 👈|
    point_up ☝️|point_down 👇|hand ✋|raised_hand ✋|eyes 👀|smile 😄|slightly_smiling_face 🙂|grinning 😀|joy 😂|wink 😉|blush 😊|
    sunglasses 😎|thinking_face 🤔|neutral_face 😐|confused 😕|cry 😢|sob 😭|sweat_smile 😅|tada_face 🥳|partying_face 🥳|
    face_palm 🤦|shrug 🤷|heart ❤️|green_heart 💚|blue_heart 💙|broken_heart 💔|fire 🔥|100 💯|sparkles ✨|star ⭐|star2 🌟|zap ⚡|
    bust_in_silhouette 👤|busts_in_silhouette 👥|robot_face 🤖|speech_balloon 💬|thought_balloon 💭`,
  Things: `memo 📝|pencil 📝|pencil2 ✏️|clipboard 📋|page_facing_up 📄|bookmark_tabs 📑|newspaper 📰|books 📚|book 📖|open_file_folder 📂|
    file_folder 📁|card_index_dividers 🗂️|calendar 📆|spiral_calendar_pad 🗓️|date 📅|inbox_tray 📥|outbox_tray 📤|package 📦|
    email 📧|envelope ✉️|link 🔗|paperclip 📎|pushpin 📌|round_pushpin 📍|mag 🔍|bar_chart 📊|chart_with_upwards_trend 📈|
    chart_with_downwards_trend 📉|moneybag 💰|credit_card 💳|bulb 💡|wrench 🔧|hammer 🔨|hammer_and_wrench 🛠️|gear ⚙️|toolbox 🧰|
    scales ⚖️|balance_scale ⚖️|microscope 🔬|test_tube 🧪|computer 💻|iphone 📱|telephone_receiver 📞|loudspeaker 📢|mega 📣|
    ticket 🎫|label 🏷️|wastebasket 🗑️|shield 🛡️|crystal_ball 🔮|trophy 🏆|medal 🏅|gift 🎁|tada 🎉|confetti_ball 🎊|balloon 🎈|
    rocket 🚀|construction 🚧|vertical_traffic_light 🚦|traffic_light 🚥|steam_locomotive 🚂|railway_track 🛤️|train 🚋|house 🏠|
    office 🏢|globe_with_meridians 🌐|earth_africa 🌍|sunny ☀️|cloud ☁️|rainbow 🌈|snowflake ❄️|seedling 🌱|evergreen_tree 🌲|herb 🌿|
    bug 🐛|snail 🐌|turtle 🐢|dog 🐶|cat 🐱|owl 🦉|coffee ☕|tea 🍵|pizza 🍕|cake 🍰|beers 🍻|art 🎨|camera 📷|headphones 🎧`,
  Arrows: `arrow_right ➡️|arrow_left ⬅️|arrow_up ⬆️|arrow_down ⬇️|arrow_upper_right ↗️|arrow_lower_right ↘️|leftwards_arrow_with_hook ↩️|
    arrow_right_hook ↪️|twisted_rightwards_arrows 🔀|fast_forward ⏩|rewind ⏪|heavy_plus_sign ➕|heavy_minus_sign ➖|
    small_blue_diamond 🔹|small_orange_diamond 🔸|large_blue_diamond 🔷|black_small_square ▪️|white_small_square ▫️`,
};

export const emojiGroups = Object.entries(GROUPS).map(([name, rows]) => ({
  name,
  emoji: rows
    .split("|")
    .map((row) => row.trim().split(" "))
    .map(([short, text]) => ({ name: short, text })),
}));

const byName = new Map(emojiGroups.flatMap((group) => group.emoji.map(({ name, text }) => [name, text])));

/** The character of `:name:`, or null when the name is not one the page knows. */
export function emojiText(name) {
  return byName.get(String(name).replace(/::skin-tone-\d$/, "")) ?? null;
}

export function findEmoji(start, limit = 8) {
  const names = [...byName.keys()];
  const first = names.filter((name) => name.startsWith(start));
  const rest = names.filter((name) => !name.startsWith(start) && name.includes(start));
  return [...first, ...rest].slice(0, limit).map((name) => ({ name, text: byName.get(name) }));
}

const PICTURE =
  /^(?:\p{Extended_Pictographic}|\p{Emoji_Modifier}|[\u{1F1E6}-\u{1F1FF}]|[0-9#*]\uFE0F?\u20E3|\uFE0F|\u200D|\s)+$/u;

/** A message of nothing but a few emoji is shown large. */
export function isOnlyEmoji(text) {
  const shown = String(text).replace(/:([\w+-]+):/g, (whole, name) => emojiText(name) ?? whole);
  return shown.trim().length > 0 && PICTURE.test(shown) && [...new Intl.Segmenter().segment(shown)].length <= 12;
}
