// Package scaler is where scaling across clusters lives: from metrics, schedules and request rates
// to replicas on the template, which placement then divides. Its decisions will stand in
// scaler/core/recommend and scaler/core/cron, as in the other areas.
//
// Nothing is built here yet; the README says so too.
package scaler
