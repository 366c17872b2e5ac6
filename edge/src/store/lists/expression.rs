//! Conjunctions and disjunctions of any length within D1's limit of an expression's depth.

/// The depth from which an expression is a chain. D1 accepts a depth of 100.
const MAX_DEPTH: usize = 40;
/// The largest depth of a single condition.
const CONDITION_DEPTH: usize = 12;

#[derive(Clone, Copy)]
pub(super) enum Operator {
    And,
    Or,
}

impl Operator {
    const fn sql(self) -> &'static str {
        match self {
            Operator::And => "AND",
            Operator::Or => "OR",
        }
    }
}

pub(super) enum Expression {
    Plain {
        sql: String,
        depth: usize,
    },
    /// An expression that would be too deep. The last operand decides first, and a `CASE` of any length is not deep. A
    /// `CASE` has two outcomes but SQL has three truth values, so that one `CASE` decides whether the expression is true,
    /// and another whether it is false. The steps are in the order of the operands.
    Chain {
        is_true: Vec<String>,
        is_false: Vec<String>,
    },
}

impl Expression {
    pub fn condition(sql: String) -> Expression {
        Expression::Plain { sql, depth: CONDITION_DEPTH }
    }

    fn is_deep(&self) -> bool {
        match self {
            Expression::Plain { depth, .. } => *depth > MAX_DEPTH,
            Expression::Chain { .. } => true,
        }
    }

    /// Returns the expression for a `WHERE` clause, which does not distinguish between false and NULL.
    pub fn into_where_clause(self) -> String {
        match self {
            Expression::Plain { sql, .. } => sql,
            Expression::Chain { is_true, .. } => case(&is_true),
        }
    }

    fn into_sql(self) -> (String, usize) {
        match self {
            Expression::Plain { sql, depth } => (sql, depth),
            Expression::Chain { is_true, is_false } => {
                let sql = format!("(CASE WHEN {} THEN 1 WHEN {} THEN 0 END)", case(&is_true), case(&is_false));
                (sql, MAX_DEPTH + CONDITION_DEPTH)
            }
        }
    }

    fn into_chain(self) -> (Vec<String>, Vec<String>) {
        match self {
            Expression::Plain { sql, .. } => {
                (vec![format!("ELSE {sql} IS TRUE")], vec![format!("ELSE {sql} IS FALSE")])
            }
            Expression::Chain { is_true, is_false } => (is_true, is_false),
        }
    }

    /// Adds an operand to a deep expression.
    fn extend(self, operand: &str, operator: Operator) -> Expression {
        let (mut is_true, mut is_false) = self.into_chain();
        match operator {
            Operator::And => {
                is_true.push(format!("WHEN {operand} IS NOT TRUE THEN 0"));
                is_false.push(format!("WHEN {operand} IS FALSE THEN 1"));
            }
            Operator::Or => {
                is_true.push(format!("WHEN {operand} IS TRUE THEN 1"));
                is_false.push(format!("WHEN {operand} IS NOT FALSE THEN 0"));
            }
        }
        Expression::Chain { is_true, is_false }
    }

    pub fn negate(self) -> Expression {
        match self {
            Expression::Plain { sql, depth } => Expression::Plain { sql: format!("(NOT {sql})"), depth: depth + 1 },
            Expression::Chain { is_true, is_false } => Expression::Chain { is_true: is_false, is_false: is_true },
        }
    }

    /// Combines operands, of which only the first may be deep. No operands are true.
    pub fn combine(mut operands: Vec<Expression>, operator: Operator) -> Expression {
        let deep = operands.first().is_some_and(Expression::is_deep).then(|| operands.remove(0));
        // Combining in pairs keeps the depth logarithmic.
        let mut operands: Vec<(String, usize)> = operands.into_iter().map(Expression::into_sql).collect();
        while operands.len() > 1 {
            let mut pairs = Vec::with_capacity(operands.len().div_ceil(2));
            let mut rest = operands.into_iter();
            while let Some((left, left_depth)) = rest.next() {
                pairs.push(match rest.next() {
                    Some((right, right_depth)) => {
                        (format!("({left} {} {right})", operator.sql()), left_depth.max(right_depth) + 1)
                    }
                    None => (left, left_depth),
                });
            }
            operands = pairs;
        }
        match (deep, operands.pop()) {
            (Some(deep), Some((operand, _))) => deep.extend(&operand, operator),
            (Some(deep), None) => deep,
            (None, Some((sql, depth))) => Expression::Plain { sql, depth },
            (None, None) => Expression::Plain { sql: "1".to_owned(), depth: 1 },
        }
    }
}

fn case(steps: &[String]) -> String {
    let steps: Vec<&str> = steps.iter().rev().map(String::as_str).collect();
    format!("(CASE {} END)", steps.join(" "))
}
