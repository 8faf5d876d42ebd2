/* lu.c - LU decomposition with partial pivoting of a dense matrix of double, a linear
 * system solved with it, and the residual.  Argument: repetitions at 300 x 300. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIZE = 300 };

static double matrix[SIZE][SIZE], original[SIZE][SIZE], solution[SIZE], right[SIZE];
static int row_of[SIZE];

static void fill(unsigned seed)
{
    for (int i = 0; i < SIZE; i++) {
        right[i] = 0;
        for (int j = 0; j < SIZE; j++) {
            seed = seed * 1664525u + 1013904223u;
            matrix[i][j] = (seed >> 8) / 16777216.0 - 0.5;
            right[i] += matrix[i][j]; /* so that the solution is all ones */
        }
        row_of[i] = i;
    }
    memcpy(original, matrix, sizeof(matrix));
}

static void swap_rows(int a, int b)
{
    int row = row_of[a];

    row_of[a] = row_of[b];
    row_of[b] = row;
    for (int j = 0; j < SIZE; j++) {
        double old = matrix[a][j];

        matrix[a][j] = matrix[b][j];
        matrix[b][j] = old;
    }
}

static void decompose(void)
{
    for (int k = 0; k < SIZE; k++) {
        int pivot = k;

        for (int i = k + 1; i < SIZE; i++)
            if (fabs(matrix[i][k]) > fabs(matrix[pivot][k]))
                pivot = i;
        if (pivot != k)
            swap_rows(k, pivot);
        for (int i = k + 1; i < SIZE; i++) {
            double factor = matrix[i][k] /= matrix[k][k];

            for (int j = k + 1; j < SIZE; j++)
                matrix[i][j] -= factor * matrix[k][j];
        }
    }
}

static void solve(void)
{
    for (int i = 0; i < SIZE; i++) {
        solution[i] = right[row_of[i]];
        for (int j = 0; j < i; j++)
            solution[i] -= matrix[i][j] * solution[j];
    }
    for (int i = SIZE - 1; i >= 0; i--) {
        for (int j = i + 1; j < SIZE; j++)
            solution[i] -= matrix[i][j] * solution[j];
        solution[i] /= matrix[i][i];
    }
}

int main(int argc, char **argv)
{
    int repetitions = argc > 1 ? atoi(argv[1]) : 10;
    double worst = 0, sum = 0;

    for (int k = 0; k < repetitions; k++) {
        fill(k + 1);
        decompose();
        solve();
        for (int i = 0; i < SIZE; i++) {
            double error = -right[i];

            for (int j = 0; j < SIZE; j++)
                error += original[i][j] * solution[j];
            worst = fmax(worst, fabs(error));
            sum += solution[i];
        }
    }
    printf("%.6f %s\n", sum, worst < 1e-9 ? "solved" : "not solved");
    return 0;
}
