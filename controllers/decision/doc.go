// Package decision keeps the decisions of the scheduler, of failover and of the planner as Decision objects, for
// people to read. Nothing waits for it: Record takes note and returns, and what is noted is written
// when there is time, so many per second at most. Of a template only the newest decision waits, and
// one that says what the last one said is not written at all.
//
// The Decisions of a template are bounded in number, and each is deleted when its time is over. They
// outlive their template, so that they have no owner.
//
// What a Decision says is up to controllers/core/decision.
package decision
