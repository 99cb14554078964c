package sim

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// story is what happened, for people to read.
type story struct {
	began time.Time
	lines []string
	notes []string // of this step
	state string   // as it was told last
}

// note says that something happened. Within a step nothing is before anything else: notes are told in
// alphabetical order.
func (w *World) note(format string, args ...any) {
	if w.options.Quiet {
		return
	}
	w.story.notes = append(w.story.notes, fmt.Sprintf(format, args...))
}

func (w *World) clock() string {
	d := w.Now.Sub(w.story.began)
	text := fmt.Sprintf("%d:%02d", int(d.Minutes())%60, int(d.Seconds())%60)
	if h := int(d.Hours()); h > 0 {
		text = fmt.Sprintf("%d:%s", h, fmt.Sprintf("%02d:%02d", int(d.Minutes())%60, int(d.Seconds())%60))
	}
	if d%time.Second != 0 {
		text += ".5"
	}
	return text
}

// tell tells what happened in this step, and what clients are answered and where pods run if that is
// not as before.
func (w *World) tell() {
	slices.Sort(w.story.notes)
	at := w.clock()
	for _, n := range together(slices.Compact(w.story.notes)) {
		w.line(w.clock(), n)
		at = ""
	}
	w.story.notes = w.story.notes[:0]
	if state := "→ " + w.answers() + "; " + w.pods(); state != w.story.state {
		w.story.state = state
		w.line(at, state)
	}
}

// together makes one note of those that several name servers give rise to alike.
func together(notes []string) (out []string) {
	at := map[string]int{}
	for _, n := range notes {
		who, what, _ := strings.Cut(n, " ")
		if !strings.HasPrefix(who, "ns") {
			out = append(out, n)
			continue
		}
		if i, ok := at[what]; ok {
			before, _, _ := strings.Cut(out[i], " "+what)
			out[i] = before + ", " + who + " " + strings.Replace(what, "finds", "find", 1)
			at[what] = i
			continue
		}
		at[what] = len(out)
		out = append(out, n)
	}
	return out
}

func (w *World) line(at, text string) {
	w.story.lines = append(w.story.lines, fmt.Sprintf("%8s  %s", at, text))
}

// Story is all that was told.
func (w *World) Story() string { return strings.Join(w.story.lines, "\n") + "\n" }

// Forget begins the story anew with how things are.
func (w *World) Forget() {
	w.story = story{began: w.Now}
	w.tell()
}

// clientsPerRegion is how many networks of clients there are in each region.
const clientsPerRegion = 4

// clients of a region of the world's, by its number; of no region if that is below 0.
func clients(region int) (out [clientsPerRegion]netip.Addr) {
	for i := range out {
		out[i] = netip.AddrFrom4([4]byte{10, byte(region), byte(i), 1})
		if region < 0 {
			out[i] = netip.AddrFrom4([4]byte{172, 16, byte(i), 1})
		}
	}
	return out
}

// eachRegion goes through the numbers and names of the client regions.
func (w *World) eachRegion(do func(number int, name string)) {
	var seen []string
	for i, s := range w.Sites {
		if !slices.Contains(seen, s.Region) {
			seen = append(seen, s.Region)
			do(i, s.Region)
		}
	}
}

// answers says what the clients of each region are answered, by each server that says otherwise than
// the one before.
func (w *World) answers() string {
	var out []string
	var before string
	for _, s := range w.Servers {
		text := s.Name + " is down"
		if s.Up {
			text = w.answersOf(s)
		}
		if text == before {
			continue
		}
		if before = text; s != w.Servers[0] && s.Up {
			text = s.Name + ": " + text
		}
		out = append(out, text)
	}
	return strings.Join(out, " | ")
}

func (w *World) answersOf(s *Server) string {
	var out []string
	for _, a := range w.Store.Apps {
		var parts []string
		w.eachRegion(func(number int, name string) {
			count := map[string]int{}
			for _, c := range clients(number) {
				to, known := s.Answer(a.Name, c)
				switch {
				case !known:
					to = "?"
				case to == "":
					to = "NOTHING"
				}
				count[to]++
			}
			parts = append(parts, name+" "+counted(count))
		})
		text := strings.Join(parts, ", ")
		if len(w.Store.Apps) > 1 {
			text = a.Name + " " + text
		}
		out = append(out, text)
	}
	return strings.Join(out, " / ")
}

func counted(count map[string]int) string {
	var out []string
	for name, n := range count {
		if len(count) == 1 {
			return name
		}
		out = append(out, fmt.Sprintf("%s %d", name, n))
	}
	slices.Sort(out)
	return strings.Join(out, "+")
}

// pods says how many pods are ready in each site, of how many wanted.
func (w *World) pods() string {
	var out []string
	for _, a := range w.Store.Apps {
		var parts []string
		for _, s := range w.Sites {
			want, told := s.Wanted(a.Name)
			switch ready := s.Ready(a.Name); {
			case !told:
				parts = append(parts, s.Name+" -")
			case ready == want:
				parts = append(parts, fmt.Sprintf("%s %d", s.Name, want))
			default:
				parts = append(parts, fmt.Sprintf("%s %d/%d", s.Name, ready, want))
			}
		}
		out = append(out, strings.Join(parts, " "))
	}
	return "pods " + strings.Join(out, " / ")
}
