// Metrics that are on no dashboard, and why. Every other metric of the program is on one.
{
  dialwatch_records_consumed_total: 'Is the sum of dialwatch_records_total over its results at every moment, which is drawn.',
}
