-- Figures are computed from seconds now.
DROP FUNCTION IF EXISTS report_spread(int[], bigint[]);
