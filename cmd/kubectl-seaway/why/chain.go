package why

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/seaway-io/seaway/cmd/kubectl-seaway/internal/output"
	"github.com/seaway-io/seaway/controllers/core/some"
)

// Link is one step of the way from the policy to the answer.
type Link string

// The links, in their order.
const (
	LinkPolicy    Link = "policy"
	LinkTarget    Link = "target"
	LinkBinding   Link = "binding"
	LinkWork      Link = "work"
	LinkMember    Link = "member object"
	LinkPods      Link = "pods"
	LinkEndpoints Link = "endpoints"
	LinkPlan      Link = "plan"
	LinkZone      Link = "zone"
	LinkAnswer    Link = "answer"
)

// State of a link.
type State string

// A link holds, is broken, or cannot be told.
const (
	StateOK      State = "ok"
	StateBroken  State = "broken"
	StateUnknown State = "unknown"
)

// Check is one finding about a link.
type Check struct {
	Link Link `json:"link"`
	// Of is the object, as "Deployment web".
	Of string `json:"of"`
	// At is the cluster or the name server where the finding was made; empty for one about all.
	At       string `json:"at,omitempty"`
	State    State  `json:"state"`
	Evidence string `json:"evidence"`
	// Next is the command that tells more, of a link that does not hold.
	Next string `json:"next,omitempty"`
}

// Account is what became of an application on its way to its clients.
type Account struct {
	App    string  `json:"app"`
	Checks []Check `json:"checks"`
	// Broken is the first link that lets nothing through; when there is none, the first that is broken
	// somewhere. Nil when no link is broken.
	Broken *Check `json:"broken,omitempty"`
	// Answered says whether clients are answered all the same: every host name that is in force.
	Answered bool `json:"answered"`
	// Conclusion is a sentence, and Next the command to go on with.
	Conclusion string `json:"conclusion"`
	Next       string `json:"next,omitempty"`
}

// Walk judges every link of an application.
func Walk(f Facts) Account {
	w := &walker{Facts: f}
	w.policies()
	w.targets()
	w.bindings()
	w.works()
	w.members()
	w.pods()
	if len(f.App.Policies) > 0 {
		w.endpoints()
		w.plans()
		w.zones()
		w.answers()
	}
	a := Account{App: f.App.Name, Checks: w.checks}
	a.conclude(w)
	return a
}

// walker collects findings.
type walker struct {
	Facts
	checks []Check
}

func (w *walker) ok(link Link, of, format string, args ...any) {
	w.checks = append(w.checks, Check{Link: link, Of: of, State: StateOK, Evidence: output.Plain(fmt.Sprintf(format, args...))})
}

func (w *walker) broken(link Link, of, at, next, format string, args ...any) {
	w.checks = append(w.checks, Check{Link: link, Of: of, At: at, State: StateBroken, Evidence: output.Plain(fmt.Sprintf(format, args...)), Next: next})
}

func (w *walker) unknown(link Link, of, at, next, format string, args ...any) {
	w.checks = append(w.checks, Check{Link: link, Of: of, At: at, State: StateUnknown, Evidence: output.Plain(fmt.Sprintf(format, args...)), Next: next})
}

// inNamespace are the words of a command that name the application's namespace.
func (w *walker) inNamespace() string { return " -n " + w.App.Namespace }

func (a *Account) conclude(w *walker) {
	a.Broken = firstBroken(a.Checks)
	a.Answered = answered(a.Checks)
	unknown := slices.IndexFunc(a.Checks, func(c Check) bool { return c.State == StateUnknown })
	switch {
	case a.Broken != nil:
		a.Conclusion = fmt.Sprintf("The first broken link is the %s of %s: %s.", a.Broken.Link, a.Broken.where(), strings.TrimSuffix(a.Broken.Evidence, "."))
		if a.Answered {
			a.Conclusion += " Clients are answered all the same."
		}
		a.Next = a.Broken.Next
	case unknown >= 0:
		c := a.Checks[unknown]
		a.Conclusion = fmt.Sprintf("No link is known to be broken, but of the %s of %s nothing is known: %s.", c.Link, c.where(), strings.TrimSuffix(c.Evidence, "."))
		a.Next = c.Next
	case len(w.App.Policies) == 0:
		a.Conclusion = "It runs. No TrafficPolicy sends requests to it."
	default:
		a.Conclusion = "No link is broken, as far as the hub can see. Whether the parent zone leads here is seen from outside."
		for _, z := range w.served() {
			a.Next = "kubectl seaway dns delegation " + z.Name
			break
		}
	}
}

// firstBroken prefers what lets nothing through: an application that runs elsewhere is seldom ill
// because of the cluster that it has left.
func firstBroken(checks []Check) *Check {
	var first *Check
	for i := range checks {
		c := &checks[i]
		if c.State != StateBroken {
			continue
		}
		if first == nil {
			first = c
		}
		holds := slices.ContainsFunc(checks, func(o Check) bool { return o.Link == c.Link && o.Of == c.Of && o.State == StateOK })
		if !holds {
			return c
		}
	}
	return first
}

// answered says whether there is an answer for every name that was asked for.
func answered(checks []Check) bool {
	names, good := map[string]bool{}, map[string]bool{}
	for _, c := range checks {
		if c.Link == LinkAnswer {
			names[c.Of] = true
			good[c.Of] = good[c.Of] || c.State == StateOK
		}
	}
	for name := range names {
		if !good[name] {
			return false
		}
	}
	return len(names) > 0
}

func (c *Check) where() string {
	if c.At == "" {
		return c.Of
	}
	return c.Of + " in " + c.At
}

func (a *Account) text(w io.Writer) {
	fmt.Fprintf(w, "%s\n\nLINK\tOF\tSTATE\tEVIDENCE\n", a.App)
	var link Link
	for i := range a.Checks {
		c := &a.Checks[i]
		name := string(c.Link)
		if c.Link == link {
			name = ""
		}
		link = c.Link
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", name, c.where(), c.State, c.Evidence)
	}
	fmt.Fprintf(w, "\n%s\n", a.Conclusion)
	if a.Next != "" {
		fmt.Fprintf(w, "Next: %s\n", a.Next)
	}
}

// few names some and counts the others.
func few(all []string) string { return some.Of(all, 8) }
