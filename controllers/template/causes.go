package template

import "sync"

// cause is why a template was queued.
type cause struct {
	// edited: its user did something, or it was found after a restart.
	edited bool
	// policyChanged: a policy changed, or may have while nobody looked.
	policyChanged bool
	// reinterpreted: what the template asks for may be another thing than before, though nobody
	// touched it.
	reinterpreted bool
}

// causes are kept beside the queue, which holds a template once however often it was added.
type causes struct {
	mu sync.Mutex
	of map[Key]cause
}

// add joins a cause to those that are there: an edit and a change of a policy at the same time are
// both to be heard.
func (c *causes) add(key Key, why cause) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.of == nil {
		c.of = map[Key]cause{}
	}
	was := c.of[key]
	c.of[key] = cause{
		edited:        was.edited || why.edited,
		policyChanged: was.policyChanged || why.policyChanged,
		reinterpreted: was.reinterpreted || why.reinterpreted,
	}
}

// take returns and forgets the causes.
func (c *causes) take(key Key) cause {
	c.mu.Lock()
	defer c.mu.Unlock()
	why := c.of[key]
	delete(c.of, key)
	return why
}
