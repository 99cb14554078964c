package hub

import "strings"

// longestText is what Brief leaves of a text. Texts about every cluster end up in one object, which an
// API server stores up to 1.5 MB of.
const longestText = 1024

// Brief leaves the beginning and the end of a text that is too long for a condition or an event. What
// others answer may quote whole objects: a condition with that is refused, and then nobody is told
// anything.
func Brief(text string) string {
	const gap = " … "
	if len(text) <= longestText {
		return text
	}
	half := (longestText - len(gap)) / 2
	return strings.ToValidUTF8(text[:half], "") + gap + strings.ToValidUTF8(text[len(text)-half:], "")
}
