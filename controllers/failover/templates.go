package failover

import (
	"sync"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	workv1alpha2 "github.com/seaway-io/seaway/api/work/v1alpha2"
)

// answers remembers what a template says, for as long as its binding is of the same version of it: while
// there is a shortage, every pass asks the same of the same templates.
type answers struct {
	mu    sync.Mutex
	known map[types.NamespacedName]answer
}

type answer struct {
	version string
	yes     bool
}

func newAnswers() *answers { return &answers{known: map[types.NamespacedName]answer{}} }

func (x *answers) of(b workv1alpha2.Binding, ask func() (bool, error)) (bool, error) {
	key, version := client.ObjectKeyFromObject(b), b.GetBindingSpec().Resource.ResourceVersion
	x.mu.Lock()
	was, known := x.known[key]
	x.mu.Unlock()
	if known && was.version == version && version != "" {
		return was.yes, nil
	}
	yes, err := ask()
	if err != nil {
		return false, err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.known[key] = answer{version, yes}
	return yes, nil
}

// forget is for when nothing is lost any more.
func (x *answers) forget() {
	x.mu.Lock()
	defer x.mu.Unlock()
	clear(x.known)
}
