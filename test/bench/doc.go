// Package bench measures what only whole programs on a real API server can show: how many bindings a
// second are scheduled, how that grows, and how long a restart takes. It prints figures and asserts no
// times.
package bench
